import type { AppendedChunk } from '../store.js';
import type { EncodedChunk } from './chunk-rows.js';
import type { Query } from './database.js';
import { durable } from './durable.js';
import { insertLetters } from './letter-rows.js';
import { claimColumns, type ClaimRow } from './senders.js';
import { toColumn } from './text-columns.js';

/** Who claims a lane that it appends to, if nobody is its sender. */
export interface Claimant {
  readonly owner: string;
  readonly leaseMs: number;
}

export interface Appended {
  readonly chunks: readonly AppendedChunk[];
  /** The lane's last sequence before this, and now. */
  readonly before: number;
  readonly last: number;
  /** Its sender, before this; undefined when nobody was. */
  readonly owner: string | undefined;
  /** Set when the claimant is its sender now. */
  readonly claimed: ClaimRow | undefined;
}

interface AppendRow extends Omit<ClaimRow, 'epoch'> {
  readonly before: number;
  readonly sender: string | null;
  readonly epoch: number | null;
}

/** Numbers of chunks are given out under the lock of the lane's row, so they become visible in their order. */
const statement = `
with lane as (
  insert into heap_destination_lanes as l (lane, sequence, events_in, bytes_in) values ($1, $2, $3, $4)
  on conflict (lane) do update
    set sequence = l.sequence + $2, events_in = l.events_in + $3, bytes_in = l.bytes_in + $4
  returning sequence - $2 as before, sequence, events_in
), chunk as (
  insert into heap_destination_chunks (lane, sequence, connection, received_at, indexes, starts, sizes, bytes, body)
  select $1, lane.before + given.position, given.connection, given.received_at, given.indexes::int[], given.starts::int[],
    given.sizes::int[], given.bytes, substring($12::bytea from given.place + 1 for given.bytes)
  from lane, unnest($5::int[], $6::text[], $7::bigint[], $8::text[], $9::text[], $10::text[], $11::int[], $13::int[])
    as given (position, connection, received_at, indexes, starts, sizes, bytes, place)
), letter as (
  ${insertLetters('$14', 'true')}
), claim as (
  insert into heap_destination_senders as s (lane, owner, epoch, lease_until)
  select $1, $15, case when $15::text is null then 0 else 1 end,
    case when $15 is null then '-infinity' else now() + $16 * interval '1 millisecond' end
  where $3 > 0 and not exists (
    select from heap_destination_senders
    where lane = $1 and ($15 is null or (owner is not null and lease_until >= now())))
  on conflict (lane) do update set owner = excluded.owner, epoch = s.epoch + 1, lease_until = excluded.lease_until
    where excluded.owner is not null and (s.owner is null or s.lease_until < now())
  returning *
)
select lane.before, sender.owner as sender, ${claimColumns('claim', 'lane')}, ${durable}
from lane
left join heap_destination_senders as sender on sender.lane = $1 and sender.lease_until >= now()
left join claim on claim.owner is not null`;

/**
 * Appends to one lane, in one transaction.
 *
 * @param isRepeat of an event's hash: what is one is not stored.
 */
export async function appendChunks(
  query: Query,
  lane: string,
  chunks: readonly EncodedChunk[],
  letters: string,
  claimant: Claimant | undefined,
  isRepeat: (chunk: EncodedChunk, index: number) => boolean = () => false,
): Promise<Appended> {
  const stored = chunks.map((chunk) => layOut(chunk, isRepeat));
  const full = stored.flatMap((chunk, position) => (chunk.indexes.length === 0 ? [] : [{ ...chunk, position }]));
  const bodies = full.flatMap(({ texts }) => texts);
  const body = Buffer.concat(bodies);
  let place = 0;
  const places = full.map(({ bytes }) => (place += bytes) - bytes);
  const events = full.reduce((sum, { indexes }) => sum + indexes.length, 0);
  const [row] = await query<AppendRow>(statement, [
    toColumn(lane),
    chunks.length,
    events,
    body.length,
    full.map(({ position }) => position + 1),
    full.map(({ connection }) => connection),
    full.map(({ receivedAt }) => receivedAt),
    full.map(({ indexes }) => arrayText(indexes)),
    full.map(({ starts }) => arrayText(starts)),
    full.map(({ sizes }) => arrayText(sizes)),
    full.map(({ bytes }) => bytes),
    body,
    places,
    letters,
    claimant?.owner ?? null,
    claimant?.leaseMs ?? 0,
  ]);
  if (row === undefined) throw new Error('an append has no answer');
  const { before, sender, epoch } = row;
  return {
    chunks: stored.map(({ repeats }, position) => ({
      sequence: before + position + 1,
      repeats,
      previous: before + position,
    })),
    before,
    last: before + chunks.length,
    owner: sender ?? undefined,
    claimed: epoch === null ? undefined : { ...row, epoch },
  };
}

interface LaidOut {
  readonly connection: string;
  readonly receivedAt: number;
  readonly texts: readonly Buffer[];
  readonly indexes: readonly number[];
  readonly starts: readonly number[];
  readonly sizes: readonly number[];
  readonly bytes: number;
  readonly repeats: readonly number[];
}

function layOut(chunk: EncodedChunk, isRepeat: (chunk: EncodedChunk, index: number) => boolean): LaidOut {
  const { connection, receivedAt } = chunk;
  const all = [...chunk.texts.keys()];
  const repeats = all.filter((index) => isRepeat(chunk, index));
  const indexes = repeats.length === 0 ? all : all.filter((index) => !repeats.includes(index));
  const texts = indexes.map((index) => chunk.texts[index] ?? Buffer.alloc(0));
  const sizes = texts.map(({ length }) => length);
  let bytes = 0;
  const starts = sizes.map((size) => (bytes += size) - size);
  return { connection, receivedAt, texts, indexes, starts, sizes, bytes, repeats };
}

/** An array of numbers as PostgreSQL writes it. */
export function arrayText(numbers: readonly number[]): string {
  return `{${numbers.join(',')}}`;
}
