-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Numbers of links and payments have no gap, and end where the federation's
-- row says; it is there once anything is.
select 'link' as what, count(*) as rows, max(number)::bigint as newest
  from clearing.link
having count(*) <> coalesce(max(number), 0)
 union all
select 'payment', count(*), coalesce(max(number), 0)
  from clearing.payment
having count(*) <> coalesce(max(number), 0)
    or count(*) + 1 <> coalesce((select next_payment
                                   from clearing.federation), 1)
 union all
select 'federation', count(*), null
  from clearing.federation
having count(*) <> 1
   and exists (select from clearing.link_change);
