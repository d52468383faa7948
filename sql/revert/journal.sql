-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Revert clearing:journal
-- Everything else can be made again from the journal; the journal cannot.
begin;

do $guard$
begin
  if exists (select from clearing.journal) then
    raise exception 'the journal holds blocks and is the only copy of the '
      'facts: it is not reverted'
      using hint = 'If it is to be lost: drop database.';
  end if;
end
$guard$;

drop table clearing.memo;
drop table clearing.journal;

commit;
