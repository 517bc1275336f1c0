import type { EncodedChunk } from './chunk-rows.js';
import type { Query } from './database.js';
import { toColumn } from './text-columns.js';

/** Ids that go in one transaction. */
const idsPerSweep = 5_000;

/** In the order of the hashes, so that two who store the same ids wait for each other instead of a deadlock. */
const storeIds = `
insert into heap_destination_ids as known (lane, hash, stored_at)
select $1, hash, now() from (select decode(hash, 'hex') as hash from unnest($2::text[]) as given (hash) order by 1) as all_given
on conflict (lane, hash) do update set stored_at = excluded.stored_at
  where known.stored_at <= now() - $3 * interval '1 millisecond'
returning encode(hash, 'hex') as hash`;

const sweepIds = `
with turn as materialized (
  select pg_try_advisory_xact_lock(hashtext('heap_destination_ids'), hashtext(current_schema())) as is_mine
), old as materialized (
  select lane, hash from heap_destination_ids
  where stored_at <= now() - $1 * interval '1 millisecond' and (select is_mine from turn)
  order by stored_at limit $2 for update skip locked
), gone as (
  delete from heap_destination_ids as known using old where known.lane = old.lane and known.hash = old.hash returning 1
)
select count(*) as ids from gone`;

/**
 * Stores the ids of a lane's chunks in the transaction that stores their events.
 *
 * @returns whether an event was stored before, or comes twice here; to be asked once for each.
 */
export async function storeIdsOf(
  query: Query,
  lane: string,
  chunks: readonly EncodedChunk[],
  dedupeMs: number,
): Promise<(chunk: EncodedChunk, index: number) => boolean> {
  const hashes = new Set(chunks.flatMap((chunk) => chunk.hashes).filter((hash) => hash !== undefined));
  const rows = await query<{ hash: string }>(storeIds, [toColumn(lane), [...hashes], dedupeMs]);
  const fresh = new Set(rows.map(({ hash }) => hash));
  return (chunk, index) => {
    const hash = chunk.hashes[index];
    return hash !== undefined && !fresh.delete(hash);
  };
}

/** Removes ids that are of no use any more; by one process at a time, the others do nothing. */
export async function removeOldIds(query: Query, dedupeMs: number): Promise<void> {
  for (;;) {
    const [row] = await query<{ ids: number }>(sweepIds, [dedupeMs, idsPerSweep]);
    if ((row?.ids ?? 0) < idsPerSweep) return;
  }
}
