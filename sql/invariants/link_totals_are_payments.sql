-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule PEER-42): the totals of both logs are the sums of the promises and
-- answers that payments have on the link. Where the neighbour is GONE, legs
-- have ended without an answer (rule PEER-44): what is owed is what they are.
with sums as (
  select l.number, l.city, l.gone,
         array[l.in_promised, l.out_promised,
               l.out_settled - l.in_settled + l.estate]
           <> array[coalesce(i.promised, 0), coalesce(o.known, 0),
                    coalesce(i.settled, 0) - coalesce(o.settled, 0)]::bigint[]
           as differs,
         array[l.in_promised, l.in_settled, l.in_released,
               l.out_promised, l.out_settled, l.out_released] as totals,
         array[coalesce(i.promised, 0), coalesce(o.settled, 0),
               coalesce(o.released, 0), coalesce(o.promised, 0),
               coalesce(i.settled, 0), coalesce(i.released, 0)]
         as by_payments
    from clearing.link l
    left join (
      select in_link, sum(amount) as promised,
             sum(amount) filter (where in_state = 4) as settled,
             sum(amount) filter (where in_state = 5) as released
        from clearing.payment group by in_link) i on i.in_link = l.number
    left join (
      select out_link, sum(amount) as promised,
             sum(amount) filter (where out_seq > 0) as known,
             sum(amount) filter (where out_state = 4) as settled,
             sum(amount) filter (where out_state = 5) as released
        from clearing.payment group by out_link) o on o.out_link = l.number
)
select number, city, totals, by_payments
  from sums
 where case when gone then differs else totals <> by_payments::bigint[] end;
