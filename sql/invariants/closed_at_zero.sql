-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-16): a closed account has balance zero and no open hold.
select id, address, credits_posted - debits_posted as balance, holds_open
  from clearing.account
 where state = 3
   and (debits_posted <> credits_posted or debits_pending <> 0
        or credits_pending <> 0 or holds_open <> 0);
