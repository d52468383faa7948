-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rules JOURNAL-3, JOURNAL-10): blocks are dense, each names the hash of
-- the one before, epoch and time never fall, block 0 stands on zeros.
select seq, epoch, created, previous_seq, previous_epoch, previous_created,
       prev_hash = previous_hash as hash_fits
  from (select seq, epoch, created, prev_hash,
               lag(seq) over w as previous_seq,
               lag(epoch) over w as previous_epoch,
               lag(created) over w as previous_created,
               lag(hash) over w as previous_hash
          from clearing.journal
        window w as (order by seq)) block
 where (previous_seq is null and seq = 0
        and (epoch <> 0 or prev_hash <> decode(repeat('00', 32), 'hex')))
    or (previous_seq is null and seq > 0 and seq % 1048576 <> 0)
    or (previous_seq is not null
        and (seq <> previous_seq + 1 or epoch < previous_epoch
             or created < previous_created or prev_hash <> previous_hash));
