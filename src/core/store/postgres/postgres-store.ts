import type { Clock } from '../../clock.js';
import type { NewDeadLetter } from '../dead-letter.js';
import type { AppendedChunk, LaneBacklog, LaneListener, NewChunk, Requeue, Store } from '../store.js';
import { Appender, type AddedChunk } from './appender.js';
import { encodeNewChunk } from './chunk-rows.js';
import type { Database } from './database.js';
import type { Hints } from './hints.js';
import type { LaneKeeper } from './lane-keeper.js';
import type { LaneQueues } from './lane-queues.js';
import { PostgresDeadLetters, type DeadLetterBounds } from './postgres-dead-letters.js';
import { repeat } from './repeat.js';
import { removeOldIds } from './repeats.js';
import type { Room } from './room.js';
import type { Senders } from './senders.js';
import type { SettleCall } from './settle-events.js';
import { fromColumn } from './text-columns.js';

export interface PostgresStoreParts {
  readonly clock: Clock;
  /** For events and letters. */
  readonly database: Database;
  /** For leases, which must not wait for the former. */
  readonly control: Database;
  readonly room: Room;
  readonly senders: Senders;
  readonly keeper: LaneKeeper;
  readonly hints: Hints | undefined;
  readonly settles: LaneQueues<SettleCall, undefined>;
  readonly dedupeMs: number | undefined;
  readonly bounds: DeadLetterBounds;
  readonly onLettersRemoved: (letters: number) => void;
}

const backlogStatement = `
select lane.lane, lane.events_in - sender.events_out as events, lane.bytes_in - sender.bytes_out as bytes,
  (select received_at from heap_destination_chunks as chunk
    where chunk.lane = lane.lane order by sequence limit 1) as oldest
from heap_destination_lanes as lane join heap_destination_senders as sender on sender.lane = lane.lane
where lane.events_in > sender.events_out`;

const sweepMs = 60_000;

/** The store over PostgreSQL. An append of several lanes is a transaction for each of them. */
export class PostgresStore implements Store {
  readonly deadLetters: PostgresDeadLetters;
  readonly #parts: PostgresStoreParts;
  readonly #appender: Appender;
  #stopSweep: () => void = () => undefined;
  #closing: Promise<void> | undefined;

  constructor(parts: PostgresStoreParts) {
    const { database, control, keeper, clock, dedupeMs } = parts;
    this.#parts = parts;
    this.#appender = new Appender(database, keeper, clock, dedupeMs);
    this.deadLetters = new PostgresDeadLetters({
      ...parts,
      query: database.query,
      requeue: (requeues) => this.#requeue(requeues),
      refuseWhenClosed: () => {
        this.#refuseWhenClosed();
      },
    });
    this.deadLetters.start();
    if (dedupeMs !== undefined) {
      this.#stopSweep = repeat(clock, sweepMs, async () => {
        await removeOldIds(control.query, dedupeMs).catch(() => undefined);
        return sweepMs;
      });
    }
  }

  async append(chunks: readonly NewChunk[], letters: readonly NewDeadLetter[] = []): Promise<readonly AppendedChunk[]> {
    this.#refuseWhenClosed();
    const tellsRepeats = this.#parts.dedupeMs !== undefined;
    const added = chunks.map((chunk) => encodeNewChunk(chunk, tellsRepeats));
    const lanes = new Set([...chunks, ...letters].map(({ lane }) => lane));
    const results = new Map<AddedChunk, AppendedChunk | undefined>();
    const appendTo = async (lane: string): Promise<void> => {
      const some = added.filter((_chunk, position) => chunks[position]?.lane === lane);
      const call = { chunks: some, letters: letters.filter((letter) => letter.lane === lane) };
      (await this.#appender.append(lane, call)).forEach((result, position) => {
        const chunk = some[position];
        if (chunk !== undefined) results.set(chunk, result);
      });
    };
    await this.#parts.room.store(sumOf(added), () => allOf([...lanes].map(appendTo)));
    this.deadLetters.wrote(letters);
    return added.flatMap((chunk) => results.get(chunk) ?? []);
  }

  async claim(listener: LaneListener): Promise<void> {
    this.#refuseWhenClosed();
    await this.#parts.keeper.start(listener);
    this.#parts.hints?.start();
  }

  async backlog(): Promise<readonly LaneBacklog[]> {
    this.#refuseWhenClosed();
    const rows = await this.#parts.database.query<{
      lane: string;
      events: number;
      bytes: number;
      oldest: number | null;
    }>(backlogStatement);
    return rows.map(({ lane, events, bytes, oldest }) => {
      return { lane: fromColumn(lane), events, bytes, oldestAt: oldest ?? undefined };
    });
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    const { keeper, hints, settles, senders, database, control } = this.#parts;
    this.#stopSweep();
    await this.#appender.drain();
    keeper.stop();
    await settles.drain();
    await this.deadLetters.stop();
    await hints?.stop();
    // Without it the leases run out by themselves.
    await senders.leave().catch(() => undefined);
    await Promise.all([database.close(), control.close()]);
  }

  /** Of a letter that is named twice, the first chunk counts. An event is stored whatever its id: it is a repeat. */
  async #requeue(requeues: readonly Requeue[]): Promise<readonly string[]> {
    const first = [...new Map([...requeues].reverse().map((requeue) => [requeue.id, requeue])).values()].reverse();
    const added = first.map(({ id, chunk }) => ({ ...encodeNewChunk(chunk, false), lane: chunk.lane, letterId: id }));
    const lanes = [...new Set(added.map(({ lane }) => lane))];
    const requeueTo = async (lane: string): Promise<readonly string[]> => {
      const chunks = added.filter((chunk) => chunk.lane === lane);
      const results = await this.#appender.append(lane, { chunks, letters: [] });
      return chunks.flatMap(({ letterId }, position) => (results[position] === undefined ? [] : letterId));
    };
    return (await this.#parts.room.store(sumOf(added), () => allOf(lanes.map(requeueTo)))).flat();
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new Error('the store is closed');
  }
}

function sumOf(chunks: readonly AddedChunk[]): number {
  return chunks.reduce((sum, { bytes }) => sum + bytes, 0);
}

/** Waits for all of them, whichever of them rejects. */
async function allOf<T>(calls: readonly Promise<T>[]): Promise<readonly T[]> {
  await Promise.allSettled(calls);
  return Promise.all(calls);
}
