-- SPDX-License-Identifier: AGPL-3.0-or-later
-- debit_previous and credit_previous name the transfer before this one of
-- that account, so a statement that walks them misses nothing.
select number, account, previous, lag as should_be
  from (select number, account, previous,
               coalesce(lag(number) over (partition by account
                                          order by number), 0) as lag
          from (select number, debit_account as account,
                       debit_previous as previous from clearing.transfer
                 union all
                select number, credit_account, credit_previous
                  from clearing.transfer) side) walked
 where previous <> lag;
