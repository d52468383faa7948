-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rules LEDGER-8, LEDGER-9): an id was carried out at most once, as
-- whichever kind of command.
select id, count(*) as times, min(seq) as first_seq, max(seq) as last_seq
  from (select id, seq from clearing.transfer
         union all
        select id, placed_seq from clearing.hold
         union all
        select id, seq from clearing.command) every
 group by id
having count(*) > 1;
