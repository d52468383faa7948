-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Links, accounts, actors and lives that rows of links and payments name
-- exist. (No foreign keys: deploy/accounts.sql says why.)
select 'link' as what, link::bigint as id, source
  from (select link, 'link_life' as source from clearing.link_life
         union
        select link, 'link_change' from clearing.link_change
         where link is not null
         union
        select in_link, 'payment' from clearing.payment where in_link > 0
         union
        select out_link, 'payment' from clearing.payment where out_link > 0
       ) named
 where not exists (select from clearing.link l where l.number = named.link)
 union all
select 'account', account, 'payment'
  from (select distinct account from clearing.payment where account > 0) p
 where not exists (select from clearing.account a where a.id = p.account)
 union all
select 'actor', actor, source
  from (select actor, 'payment' as source from clearing.payment
         where actor > 0
         union
        select actor, 'payment_request' from clearing.payment_request
         union
        select actor, 'link_change' from clearing.link_change
         where actor is not null) named
 where not exists (select from clearing.actor a where a.id = named.actor)
 union all
select 'life', incarnation, 'link'
  from (select number, true as own, life as incarnation, life_nonce as nonce
          from clearing.link
         union
        select number, true, reconciled, reconciled_nonce from clearing.link
         union
        select number, false, peer_life, peer_life_nonce
          from clearing.link) lives
 where incarnation <> 0
   and not exists (select from clearing.link_life f
                    where f.link = lives.number and f.own = lives.own
                      and f.incarnation = lives.incarnation
                      and f.nonce = lives.nonce);
