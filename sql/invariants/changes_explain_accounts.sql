-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-17): the audit trail explains every account: opened once and
-- first, its limits are those set last, each change's old limits are the ones
-- before, and its state follows from what was done to it last.
with trail as (
  select account, what, seq, index, old_credit_limit, new_credit_limit,
         old_balance_ceiling, new_balance_ceiling, actor,
         row_number() over w as place,
         row_number() over (partition by account
                            order by seq desc, index desc) as from_end
    from clearing.account_change
  window w as (partition by account order by seq, index)
), opened as (
  select account, count(*) as times, min(place) as place
    from trail where what = 3 group by account
), limits as (
  select account, seq, old_credit_limit, new_credit_limit,
         old_balance_ceiling, new_balance_ceiling,
         lag(new_credit_limit) over w as credit_limit_before,
         lag(new_balance_ceiling) over w as balance_ceiling_before,
         row_number() over (partition by account
                            order by seq desc, index desc) as from_end
    from trail
   where what in (3, 4)
  window w as (partition by account order by seq, index)
), state as (
  select distinct on (account) account,
         case what when 5 then 2 when 7 then 3 else 1 end as state
    from trail
   where what <> 4
   order by account, seq desc, index desc
)
select a.id as account, 'not opened first, or twice' as fault,
       null::bigint as seq
  from clearing.account a
  left join opened o on o.account = a.id
 where o.times is distinct from 1 or o.place <> 1
 union all
select account, 'old limits are not those before', seq
  from limits
 where old_credit_limit <> credit_limit_before
    or old_balance_ceiling <> balance_ceiling_before
 union all
select a.id, 'limits are not those set last', l.seq
  from clearing.account a
  join limits l on l.account = a.id and l.from_end = 1
 where a.credit_limit <> l.new_credit_limit
    or a.balance_ceiling <> l.new_balance_ceiling
 union all
select a.id, 'state does not follow from its changes', null
  from clearing.account a
  join state s on s.account = a.id
 where a.state <> s.state
 union all
select account, 'changed without an actor', seq
  from trail
 where actor is null and seq > 0
 union all
select account, 'changed after it was closed', seq
  from trail
 where what = 7 and from_end > 1;
