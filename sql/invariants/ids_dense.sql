-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Accounts and actors are numbered densely from 1 and never deleted; the
-- city's own accounts are 1 and 2.
select 'account' as what, max(id) as highest, count(*) as rows
  from clearing.account
having coalesce(max(id), 0) <> count(*)
 union all
select 'actor', max(id), count(*)
  from clearing.actor
having coalesce(max(id), 0) <> count(*)
 union all
select 'system account ' || address, id, null
  from clearing.account
 where (id = 1 and address <> 'city/commons')
    or (id = 2 and address <> 'city/loss');
