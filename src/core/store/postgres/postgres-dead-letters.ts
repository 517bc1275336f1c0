import type { Clock } from '../../clock.js';
import type { DeadLetter, DeadLetterFilter, DeadLetterStats, NewDeadLetter } from '../dead-letter.js';
import type { DeadLetters, Requeue } from '../store.js';
import type { Query } from './database.js';
import { durable } from './durable.js';
import { decodeLetter, idOfTime, timeOfId, type LetterRow } from './letter-rows.js';
import { repeat } from './repeat.js';
import { toColumn } from './text-columns.js';

/** How long dead letters are kept, and how many bytes of them, of all lanes; what is beyond goes, the oldest first. */
export interface DeadLetterBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface LetterParts {
  readonly query: Query;
  readonly clock: Clock;
  readonly bounds: DeadLetterBounds;
  readonly onLettersRemoved: (letters: number) => void;
  /** Puts letters back, each in the transaction of its chunk. */
  readonly requeue: (requeues: readonly Requeue[]) => Promise<readonly string[]>;
  readonly refuseWhenClosed: () => void;
}

const listStatement = `
select * from heap_destination_letters
where id > $1 and ($2::text is null or id < $2) and ($3::text is null or lane = $3)
  and ($4::text is null or connection = $4) and ($5::text is null or reason = $5)
  and ($6::text is null or message_id = $6) and rejected_at >= $7 and rejected_at < $8
order by id limit $9`;

const statsStatement = `
select count(*) as letters, coalesce(sum(bytes), 0)::bigint as bytes, min(id) as oldest from heap_destination_letters`;

const removeStatement = `
with gone as (delete from heap_destination_letters where id = any ($1) returning 1)
select count(*) as letters, ${durable} from gone`;

/** By one process at a time, the others do nothing; by the database's clock. */
const trimStatement = `
with turn as materialized (
  select pg_try_advisory_xact_lock(hashtext('heap_destination_letters'), hashtext(current_schema())) as is_mine
), excess as materialized (
  select coalesce(sum(bytes), 0)::bigint - $1::bigint as bytes from heap_destination_letters
), oldest as (
  select id, sum(bytes) over (order by id) - bytes as before
  from (select id, bytes from heap_destination_letters order by id limit $3) as letter
), gone as (
  delete from heap_destination_letters where (select is_mine from turn) and id in (
    select id from oldest, excess where oldest.before < excess.bytes
      or id < lpad(greatest(0, floor(extract(epoch from now()) * 1000) - $2::bigint)::bigint::text, 15, '0'))
  returning 1
)
select count(*) as letters, (select bytes from excess) as excess from gone`;

const lettersPerTrim = 500;
const sweepMs = 60_000;
/** Beyond every time there is, and within what PostgreSQL and JavaScript count exactly. */
const farAway = Number.MAX_SAFE_INTEGER;

export class PostgresDeadLetters implements DeadLetters {
  readonly #parts: LetterParts;
  #trimming: Promise<void> | undefined;
  #stop: () => void = () => undefined;
  /** Bytes that may be written before it is looked whether there are too many, as far as this process knows. */
  #slack = 0;
  #trimsAgain = false;

  constructor(parts: LetterParts) {
    this.#parts = parts;
  }

  async list(filter: DeadLetterFilter, after: string | undefined, limit: number): Promise<readonly DeadLetter[]> {
    this.#parts.refuseWhenClosed();
    const { since, until } = filter;
    // Ids narrow the search to whole milliseconds; the columns are exact.
    const start = [toColumn(after ?? ''), since === undefined ? '' : idOfTime(since)];
    const text = (value: string | undefined): string | null => (value === undefined ? null : toColumn(value));
    const rows = await this.#parts.query<LetterRow>(listStatement, [
      start.sort().at(-1),
      until === undefined ? null : idOfTime(until + 1),
      text(filter.lane),
      text(filter.connection),
      text(filter.reason),
      text(filter.messageId),
      since === undefined ? -farAway : Math.ceil(since),
      until === undefined ? farAway : Math.ceil(until),
      Math.max(0, Math.floor(Math.min(limit, farAway))),
    ]);
    return rows.map(decodeLetter);
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    this.#parts.refuseWhenClosed();
    const [row] = await this.#parts.query<LetterRow>('select * from heap_destination_letters where id = $1', [
      toColumn(id),
    ]);
    return row === undefined ? undefined : decodeLetter(row);
  }

  async remove(ids: readonly string[]): Promise<number> {
    this.#parts.refuseWhenClosed();
    const [row] = await this.#parts.query<{ letters: number }>(removeStatement, [ids.map(toColumn)]);
    return row?.letters ?? 0;
  }

  async requeue(requeues: readonly Requeue[]): Promise<readonly string[]> {
    this.#parts.refuseWhenClosed();
    return this.#parts.requeue(requeues);
  }

  async stats(): Promise<DeadLetterStats> {
    this.#parts.refuseWhenClosed();
    const [row] = await this.#parts.query<{ letters: number; bytes: number; oldest: string | null }>(statsStatement);
    const oldest = row?.oldest ?? undefined;
    return {
      letters: row?.letters ?? 0,
      bytes: row?.bytes ?? 0,
      oldestAt: oldest === undefined ? undefined : timeOfId(oldest),
    };
  }

  /** Keeps the bounds, once a minute, until `stop`. */
  start(): void {
    this.#stop = repeat(this.#parts.clock, 0, async () => {
      await this.#trimOnce();
      return sweepMs;
    });
  }

  /** To be called when letters were written. */
  wrote(letters: readonly NewDeadLetter[]): void {
    for (const { event, detail } of letters) this.#slack -= event.length + detail.length;
    // A trimming that is under way may not have seen them, and is going to say what slack there was without them.
    if (letters.length > 0 && (this.#slack < 0 || this.#trimming !== undefined)) void this.#trimOnce();
  }

  /** Removes what is beyond the bounds: what was there before this is called, too. What fails is done the next time. */
  #trimOnce(): Promise<void> {
    this.#trimsAgain = true;
    this.#trimming ??= this.#trimWhileAsked()
      .catch(() => undefined)
      .finally(() => {
        this.#trimming = undefined;
      });
    return this.#trimming;
  }

  async stop(): Promise<void> {
    this.#stop();
    await this.#trimming;
  }

  async #trimWhileAsked(): Promise<void> {
    while (this.#trimsAgain) {
      this.#trimsAgain = false;
      await this.#trim();
    }
  }

  async #trim(): Promise<void> {
    const { query, bounds, onLettersRemoved } = this.#parts;
    const values = [Math.min(bounds.maxBytes, farAway), Math.min(bounds.maxAgeMs, farAway), lettersPerTrim];
    for (;;) {
      const [row] = await query<{ letters: number; excess: number }>(trimStatement, values);
      const { letters = 0, excess = 0 } = row ?? {};
      this.#slack = -excess;
      if (letters === 0) return;
      onLettersRemoved(letters);
    }
  }
}
