-- SPDX-License-Identifier: AGPL-3.0-or-later
-- Verify clearing:writer
select one, epoch, node, beat, heartbeat_at from clearing.writer where false;
select 1 / count(*) from clearing.writer;
