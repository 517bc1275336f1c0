import { LaneLost } from '../lane-lost.js';
import type { NewDeadLetter } from '../dead-letter.js';
import type { SettledEvents } from '../store.js';
import { arrayText } from './append-chunks.js';
import type { Query } from './database.js';
import { durable } from './durable.js';
import { encodeLetters, insertLetters } from './letter-rows.js';
import { toColumn } from './text-columns.js';

export interface SettleCall {
  readonly lane: string;
  readonly owner: string;
  readonly epoch: number;
  readonly settled: readonly SettledEvents[];
  readonly letters: readonly NewDeadLetter[];
  readonly memo: string | undefined;
  /** Whether the lane is given back. */
  readonly releases: boolean;
}

const maxIndex = 2 ** 31 - 1;

/**
 * The sender's row is locked first, and where its owner or epoch is not that of the call, nothing is done.
 * Chunks are locked before they are looked at: a call that this process gave up waiting for may be under way still, and
 * what a statement sees is from before it waited for a lock, but for the rows that it locked.
 *
 * A chunk whose events are all settled is deleted without a look at its arrays. Of another one the arrays shrink: the body
 * is not written again, because it stands elsewhere where it is long, until less than half of it is open. Then it is, so
 * that a few events that have to wait don't hold the room of all their neighbours.
 */
const statement = `
with sender as materialized (
  select lane from heap_destination_senders where lane = $1 and owner = $2 and epoch = $3 for update
), given as materialized (
  select sequence, indexes::int[] from unnest($4::bigint[], $5::text[]) as given (sequence, indexes)
), chunk as materialized (
  select chunk.sequence, chunk.indexes, chunk.starts, chunk.sizes, chunk.bytes, given.indexes as settled
  from sender
  join given on true
  join heap_destination_chunks as chunk on chunk.lane = sender.lane and chunk.sequence = given.sequence
  for update of chunk
), open as materialized (
  select chunk.sequence, chunk.bytes, cardinality(chunk.indexes) as events, rest.*
  from chunk
  cross join lateral (
    select count(*) as events_left, coalesce(sum(event.size), 0)::bigint as bytes_left,
      array_agg(event.index order by event.position) as indexes_left,
      array_agg(event.start order by event.position) as starts_left,
      array_agg(event.size order by event.position) as sizes_left
    from unnest(chunk.indexes, chunk.starts, chunk.sizes) with ordinality as event (index, start, size, position)
    where chunk.indexes <> chunk.settled and event.index not in (select unnest(chunk.settled))
  ) as rest
), deleted as (
  delete from heap_destination_chunks as chunk using open
  where chunk.lane = $1 and chunk.sequence = open.sequence and open.events_left = 0
), updated as (
  update heap_destination_chunks as chunk
  set indexes = open.indexes_left, sizes = open.sizes_left, bytes = open.bytes_left,
    starts = case when 2 * open.bytes_left >= octet_length(chunk.body) then open.starts_left
      else (select array_agg((running - size)::int order by position) from (
        select size, position, sum(size) over (order by position) as running
        from unnest(open.sizes_left) with ordinality as event (size, position)) as placed) end,
    body = case when 2 * open.bytes_left >= octet_length(chunk.body) then chunk.body
      else (select string_agg(substring(chunk.body from start + 1 for size), ''::bytea order by position)
        from unnest(open.starts_left, open.sizes_left) with ordinality as event (start, size, position)) end
  from open
  where chunk.lane = $1 and chunk.sequence = open.sequence and open.events_left > 0 and open.events_left < open.events
), letter as (
  ${insertLetters('$6', 'exists (select from sender)')}
), gone as (
  select coalesce(sum(events - events_left), 0) as events, coalesce(sum(bytes - bytes_left), 0) as bytes from open
), settled as (
  update heap_destination_senders as s
  set events_out = s.events_out + gone.events, bytes_out = s.bytes_out + gone.bytes,
    memo = coalesce($7, s.memo), memo_at = case when $7::text is null then s.memo_at else clock_timestamp() end,
    owner = case when $8 then null else s.owner end,
    released_epoch = case when $8 then s.epoch else s.released_epoch end
  from sender, gone
  where s.lane = sender.lane
  returning gone.bytes
)
select settled.bytes::bigint as bytes, ${durable} from settled`;

/**
 * Makes calls of one lane and epoch in one transaction, in their order.
 *
 * @returns bytes of the events that were open and are not any more.
 * @throws LaneLost when it is not the sender; nothing was done then.
 */
export async function settleEvents(query: Query, calls: readonly SettleCall[]): Promise<number> {
  const [first] = calls;
  if (first === undefined) return 0;
  const indexes = new Map<number, Set<number>>();
  for (const settled of calls.flatMap((call) => call.settled)) {
    if (!Number.isSafeInteger(settled.sequence) || settled.sequence < 0) continue;
    const known = indexes.get(settled.sequence) ?? new Set();
    indexes.set(settled.sequence, known);
    for (const index of settled.indexes)
      if (Number.isInteger(index) && index >= 0 && index <= maxIndex) known.add(index);
  }
  const memo = calls.findLast((call) => call.memo !== undefined)?.memo;
  const rows = await query<{ bytes: number }>(statement, [
    toColumn(first.lane),
    first.owner,
    first.epoch,
    [...indexes.keys()],
    [...indexes.values()].map((each) => arrayText([...each].sort((one, other) => one - other))),
    encodeLetters(calls.flatMap((call) => call.letters)),
    memo === undefined ? null : toColumn(memo),
    calls.some((call) => call.releases),
  ]);
  const [row] = rows;
  if (row === undefined) throw new LaneLost(`this process is not the sender of ${JSON.stringify(first.lane)}`);
  return row.bytes;
}
