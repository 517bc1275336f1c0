import type { Chunk } from '../store.js';
import { decodeChunk, type ChunkRow } from './chunk-rows.js';
import type { Query } from './database.js';
import { toColumn } from './text-columns.js';

/** Rows that are looked at to find where `maxBytes` ends. */
const chunksPerRead = 1_000;

const statement = `
with head as (
  select sequence, bytes from heap_destination_chunks where lane = $1 and sequence >= $2 order by sequence limit $4
), page as (
  select sequence, row_number() over (order by sequence) as position, sum(bytes) over (order by sequence) as total from head
)
select sequence, connection, received_at, indexes, starts, sizes, body
from page join heap_destination_chunks as chunk using (sequence)
where chunk.lane = $1 and (page.position = 1 or page.total <= $3)
order by sequence`;

/** Open chunks of a lane, as `ClaimedLane.read` promises them; no more than a thousand. */
export async function readChunks(
  query: Query,
  lane: string,
  from: number,
  maxBytes: number,
): Promise<readonly Chunk[]> {
  const start = Math.min(Math.max(0, Math.ceil(from)), Number.MAX_SAFE_INTEGER);
  const most = Math.min(Math.max(0, Math.floor(maxBytes)), Number.MAX_SAFE_INTEGER);
  const rows = await query<ChunkRow>(statement, [toColumn(lane), start, most, chunksPerRead]);
  return rows.map((row) => decodeChunk(lane, row));
}
