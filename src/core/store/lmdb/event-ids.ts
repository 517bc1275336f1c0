import { createHash } from 'node:crypto';

import type { Clock } from '../../clock.js';
import type { NewChunk } from '../store.js';
import type { CommitQueue } from './commit-queue.js';
import type { Draft } from './draft.js';
import type { Ledger } from './ledger.js';
import { Sweep } from './sweep.js';
import type { Tables } from './tables.js';

const timeBytes = 6;
const hashBytes = 16;
/** Of an id in the file, about: a row of 36 bytes in pages that are two thirds full. */
export const bytesPerId = 64;
/** What a transaction takes an id for: its hash is anywhere, so that it writes a page anew unless others lie beside it. */
export const bytesPerNewId = 2_048;
/** Removed in one transaction; they lie side by side. */
const idsPerTurn = 1_000;
/** Of what the store may hold. Beyond that ids are forgotten before their time, the oldest first: events matter more. */
const share = 1 / 4;

export interface IdKeeping {
  readonly clock: Clock;
  /** For how long an id is known; undefined keeps none. */
  readonly dedupeMs: number | undefined;
  readonly maxBytes: number;
}

/**
 * The ids of the events that were stored, to tell those that come again. A row is found by its hash within a period half
 * as long as ids are known, so that an id is looked for three or four times, and what is too old lies together and goes
 * without being searched for. The key of a period is its end, which tells its age however long it was.
 */
export class EventIds {
  readonly #tables: Tables;
  readonly #ledger: Ledger;
  readonly #queue: CommitQueue;
  readonly #keeping: IdKeeping;
  readonly #sweep: Sweep;
  /** Of the periods that have rows, and perhaps of some that have none, the oldest first. */
  #ends: readonly number[] = [];

  constructor(tables: Tables, ledger: Ledger, queue: CommitQueue, keeping: IdKeeping) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#queue = queue;
    this.#keeping = keeping;
    this.#sweep = new Sweep(keeping.clock, () => this.#trim());
  }

  /** Looks for the periods there are, and forgets what is too old until `stop`. */
  start(): void {
    let start = rowKey(0);
    for (let key = this.#firstKey(start); key !== undefined; key = this.#firstKey(start)) {
      const end = key.readUIntBE(0, timeBytes);
      this.#ends = [...this.#ends, end];
      start = rowKey(end + 1);
    }
    this.#sweep.start();
  }

  stop(): void {
    this.#sweep.stop();
  }

  /** Of all ids in the file, about. */
  get bytes(): number {
    return this.#ledger.counts.ids * bytesPerId;
  }

  /** What is to be known of each event, undefined for those without an id. */
  hash({ connection, events, ids }: NewChunk): readonly (Buffer | undefined)[] {
    if (this.#keeping.dedupeMs === undefined || ids === undefined) return [];
    return events.map((_, index) => {
      const id = ids[index] ?? '';
      if (id === '') return undefined;
      const hash = createHash('sha256').update(`${connection.length} ${connection}${id}`).digest();
      return hash.subarray(0, hashBytes);
    });
  }

  /** @returns indexes of those that were stored before; the others are known from now on. */
  takeRepeats(draft: Draft, hashes: readonly (Buffer | undefined)[]): readonly number[] {
    const { clock, dedupeMs } = this.#keeping;
    if (dedupeMs === undefined || hashes.length === 0) return [];
    const now = Math.max(0, Math.floor(clock.now()));
    const end = this.#currentEnd(now, dedupeMs);
    const time = Buffer.alloc(timeBytes);
    time.writeUIntBE(now, 0, timeBytes);
    let added = 0;
    const repeats = hashes.flatMap((hash, index) => {
      if (hash === undefined) return [];
      const found = this.#find(draft, hash);
      if (found.some((row) => row.storedAt > now - dedupeMs)) return [index];
      // It is there, and too old, only where the clock was set on and back.
      if (!found.some((row) => row.end === end)) added += 1;
      draft.put('ids', rowKey(end, hash), time);
      return [];
    });
    draft.counts = { ...draft.counts, ids: draft.counts.ids + added };
    if (this.#excess() > 0) draft.onceWritten(this.#sweep.now.bind(this.#sweep));
    return repeats;
  }

  #find(draft: Draft, hash: Buffer): readonly { readonly end: number; readonly storedAt: number }[] {
    return this.#ends.flatMap((end) => {
      const time = draft.get('ids', rowKey(end, hash));
      return time === undefined ? [] : [{ end, storedAt: time.readUIntBE(0, timeBytes) }];
    });
  }

  #currentEnd(now: number, dedupeMs: number): number {
    const periodMs = Math.max(1, Math.ceil(dedupeMs / 2));
    const end = (Math.floor(now / periodMs) + 1) * periodMs;
    if (!this.#ends.includes(end)) this.#ends = [...this.#ends, end].sort((one, other) => one - other);
    return end;
  }

  #excess(): number {
    return this.bytes - this.#keeping.maxBytes * share;
  }

  async #trim(): Promise<void> {
    const { clock, dedupeMs = 0 } = this.#keeping;
    for (;;) {
      const [end] = this.#ends;
      if (end === undefined || (end + dedupeMs > clock.now() && this.#excess() <= 0)) return;
      const keys: Buffer[] = [];
      for (const key of this.#tables.keys('ids', rowKey(end), rowKey(end + 1))) {
        keys.push(key);
        if (keys.length === idsPerTurn) break;
      }
      if (keys.length > 0) await this.#remove(keys);
      // Rows of the period that is not over may be on their way.
      else if (end > clock.now()) return;
      else this.#ends = this.#ends.filter((other) => other !== end);
    }
  }

  #remove(keys: readonly Buffer[]): Promise<void> {
    const draft = (draft: Draft): void => {
      for (const key of keys) draft.remove('ids', key);
      draft.counts = { ...draft.counts, ids: draft.counts.ids - keys.length };
    };
    return this.#queue.write({ adds: false, bytes: 0, draft });
  }

  #firstKey(start: Buffer): Buffer | undefined {
    for (const key of this.#tables.keys('ids', start)) return key;
    return undefined;
  }
}

/** Of an id, or before the first of its period. */
function rowKey(end: number, hash?: Buffer): Buffer {
  const key = Buffer.alloc(timeBytes + (hash?.length ?? 0));
  key.writeUIntBE(end, 0, timeBytes);
  if (hash !== undefined) hash.copy(key, timeBytes);
  return key;
}
