-- SPDX-License-Identifier: AGPL-3.0-or-later
-- As many commands as there were changes by somebody, and voids.
select c.kind, count(c.id) as commands, max(d.done) as done
  from (select what as kind, count(*) as done
          from clearing.account_change where actor is not null group by what
         union all
        select 11, count(*) from clearing.hold where state = 3
         union all
        select what, count(*) from clearing.link_change
         where what between 109 and 111 group by what
         union all
        select 115, count(*) from clearing.payment_request) d
  full join clearing.command c on c.kind = d.kind
 group by c.kind, d.kind
having count(c.id) <> coalesce(max(d.done), 0);
