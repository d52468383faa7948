-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-4): all balances sum to zero, and what is promised by payers
-- is what is promised to payees.
select sum(credits_posted) - sum(debits_posted) as posted_difference,
       sum(credits_pending) - sum(debits_pending) as pending_difference
  from clearing.account
having sum(credits_posted) <> sum(debits_posted)
    or sum(credits_pending) <> sum(debits_pending);
