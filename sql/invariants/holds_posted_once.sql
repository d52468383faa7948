-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-13): a posted hold has exactly one transfer, between the same
-- accounts, for what it says; no other hold has one.
select coalesce(h.id, t.hold_id) as hold, h.state, h.posted_amount,
       t.number, t.amount
  from clearing.hold h
  full join (select * from clearing.transfer where hold_id is not null) t
    on t.hold_id = h.id
 where h.id is null
    or (h.state = 2) <> (t.number is not null)
    or (h.state = 2
        and (t.amount <> h.posted_amount or t.seq <> h.ended_seq
             or t.actor <> h.ended_actor
             or t.debit_account <> h.debit_account
             or t.credit_account <> h.credit_account
             or t.kind <> h.kind
             or t.reference is distinct from h.reference
             or t.number <= h.number))
 union all
select hold_id, null, null, min(number), sum(amount)
  from clearing.transfer
 where hold_id is not null
 group by hold_id
having count(*) > 1;
