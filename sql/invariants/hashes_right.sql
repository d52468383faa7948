-- SPDX-License-Identifier: AGPL-3.0-or-later
-- (rule JOURNAL-2): each block's hash is the SHA-256 of what it says.
select seq, encode(hash, 'hex') as hash
  from clearing.journal
 where hash <> sha256('clearing journal v1\000'::bytea || int8send(seq)
                      || int8send(epoch) || int8send(created)
                      || prev_hash || payload);
