import type { Clock } from '../../clock.js';
import type { NewDeadLetter } from '../dead-letter.js';
import type { AppendedChunk } from '../store.js';
import { appendChunks, type Appended } from './append-chunks.js';
import type { EncodedChunk } from './chunk-rows.js';
import type { Database, Query } from './database.js';
import { durable } from './durable.js';
import type { LaneKeeper } from './lane-keeper.js';
import { LaneQueues } from './lane-queues.js';
import { encodeLetters, insertLetters } from './letter-rows.js';
import { storeIdsOf } from './repeats.js';

export interface AddedChunk extends EncodedChunk {
  /** The letter that it takes the place of; without that letter it is not stored. */
  readonly letterId?: string;
}

export interface AppendCall {
  readonly chunks: readonly AddedChunk[];
  readonly letters: readonly NewDeadLetter[];
}

/** For each chunk of a call; undefined where it has no letter to take the place of. */
export type AppendResult = readonly (AppendedChunk | undefined)[];

const writeLetters = `with letter as (${insertLetters('$1', 'true')}) select ${durable}`;
const removeLetters = `delete from heap_destination_letters where id = any ($1) returning id`;

/** Appends to lanes, a transaction for each lane; calls of one moment for one lane share it. */
export class Appender {
  readonly #database: Database;
  readonly #keeper: LaneKeeper;
  readonly #clock: Clock;
  readonly #dedupeMs: number | undefined;
  readonly #queues = new LaneQueues<AppendCall, AppendResult>((lane, calls) => this.#run(lane, calls));

  constructor(database: Database, keeper: LaneKeeper, clock: Clock, dedupeMs: number | undefined) {
    this.#database = database;
    this.#keeper = keeper;
    this.#clock = clock;
    this.#dedupeMs = dedupeMs;
  }

  append(lane: string, call: AppendCall): Promise<AppendResult> {
    const letterBytes = call.letters.reduce((sum, { event }) => sum + event.length, 0);
    return this.#queues.push(
      lane,
      call,
      call.chunks.reduce((sum, { bytes }) => sum + bytes, letterBytes),
    );
  }

  drain(): Promise<void> {
    return this.#queues.drain();
  }

  async #run(lane: string, calls: readonly AppendCall[]): Promise<readonly AppendResult[]> {
    const all = calls.flatMap(({ chunks }) => chunks);
    const letters = encodeLetters(calls.flatMap((call) => call.letters));
    const sentAt = this.#clock.monotonic();
    const stored = new Map<AddedChunk, AppendedChunk>();
    const store = async (query: Query): Promise<Appended | undefined> => {
      const chunks = await takeLetters(query, all);
      if (chunks.length === 0) {
        await query(writeLetters, [letters]);
        return undefined;
      }
      const isRepeat = await this.#isRepeat(query, lane, chunks);
      const appended = await appendChunks(query, lane, chunks, letters, this.#keeper.claimant(), isRepeat);
      appended.chunks.forEach((chunk, position) => {
        const added = chunks[position];
        if (added !== undefined) stored.set(added, chunk);
      });
      return appended;
    };
    const isOneStatement = all.every(({ letterId, hashes }) => letterId === undefined && hashes.length === 0);
    const appended = await (isOneStatement ? store(this.#database.query) : this.#database.transaction(store));
    if (appended !== undefined) this.#tell(lane, appended, sentAt);
    return calls.map(({ chunks }) => chunks.map((chunk) => stored.get(chunk)));
  }

  async #isRepeat(
    query: Query,
    lane: string,
    chunks: readonly EncodedChunk[],
  ): Promise<(chunk: EncodedChunk, index: number) => boolean> {
    if (this.#dedupeMs === undefined || chunks.every(({ hashes }) => hashes.length === 0)) return () => false;
    return storeIdsOf(query, lane, chunks, this.#dedupeMs);
  }

  #tell(lane: string, { before, last, owner, claimed }: Appended, sentAt: number): void {
    if (claimed === undefined) this.#keeper.appended(lane, before, last, owner);
    else this.#keeper.adopt(lane, claimed, sentAt);
  }
}

/** @returns the chunks whose letters were there, each once, and those that need none. */
async function takeLetters(query: Query, chunks: readonly AddedChunk[]): Promise<readonly AddedChunk[]> {
  const ids = chunks.flatMap(({ letterId }) => letterId ?? []);
  if (ids.length === 0) return chunks;
  const rows = await query<{ id: string }>(removeLetters, [ids]);
  const taken = new Set(rows.map(({ id }) => id));
  return chunks.filter(({ letterId }) => letterId === undefined || taken.delete(letterId));
}
