-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule LEDGER-2): addresses and names have their form.
select 'account' as what, address as name
  from clearing.account
 where address !~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*(/[a-z][a-z0-9]*(-[a-z0-9]+)*)?$'
    or octet_length(split_part(address, '/', 1)) > 32
    or octet_length(split_part(address, '/', 2)) > 32
 union all
select 'city', city
  from clearing.genesis
 where city !~ '^[a-z][a-z0-9]*(-[a-z0-9]+)*$'
 union all
select 'actor', uri
  from clearing.actor
 where uri not like 'spiffe://%';
