import { setImmediate as turn } from 'node:timers/promises';

import type { NewDeadLetter } from '../dead-letter.js';
import type { StoreBroken } from '../store-broken.js';
import type { AppendedChunk, Chunk, LaneBacklog, LaneListener, NewChunk, Store } from '../store.js';
import { ChunkIntake } from './chunk-intake.js';
import { decodeHead } from './chunk-rows.js';
import { CommitQueue, type Disk } from './commit-queue.js';
import type { Draft } from './draft.js';
import { EventIds, type IdKeeping } from './event-ids.js';
import { laneKey } from './keys.js';
import { LaneClaims } from './lane-claims.js';
import { Ledger, type LaneCounts } from './ledger.js';
import { encodeLetter, writeLetters } from './letter-rows.js';
import { LmdbDeadLetters, type LetterKeeping } from './lmdb-dead-letters.js';
import { mendLane } from './mend-lane.js';
import { headsOf, readChunks } from './read-chunks.js';
import type { Tables } from './tables.js';
import type { Unreadable } from './unreadable.js';

export interface LmdbStoreParts extends LetterKeeping, IdKeeping {
  readonly tables: Tables;
  readonly disk: Disk;
  readonly onBroken: (error: StoreBroken) => void;
  /** Gives back what the store was opened with. */
  readonly release: () => Promise<void>;
}

/** Lanes whose first chunk is looked up before others get their turn: 30 µs each (Node 20, 10,000 lanes). */
const lanesPerTurn = 100;

/** The store over sorted tables. */
export class LmdbStore implements Store {
  readonly deadLetters: LmdbDeadLetters;
  readonly #parts: LmdbStoreParts;
  readonly #ledger = new Ledger();
  readonly #queue: CommitQueue;
  readonly #ids: EventIds;
  readonly #claims: LaneClaims;
  readonly #intake: ChunkIntake;
  #closing: Promise<void> | undefined;

  private constructor(parts: LmdbStoreParts) {
    this.#parts = parts;
    const { tables, disk, clock, maxBytes, onBroken } = parts;
    const ledger = this.#ledger;
    const queue = new CommitQueue(tables, ledger, disk, onBroken);
    this.#queue = queue;
    this.#ids = new EventIds(tables, ledger, queue, parts);
    const tools = {
      ...{ queue, clock },
      read: this.#read.bind(this),
      onUnreadable: this.#report.bind(this),
      onLettersWritten: () => {
        this.deadLetters.trim();
      },
    };
    this.#claims = new LaneClaims({ tables, ledger, queue, clock, tools });
    this.#intake = new ChunkIntake({ ledger, queue, ids: this.#ids, claims: this.#claims, maxBytes });
    this.deadLetters = new LmdbDeadLetters({ tables, ledger, queue, intake: this.#intake, keeping: parts });
  }

  static async open(parts: LmdbStoreParts): Promise<LmdbStore> {
    const store = new LmdbStore(parts);
    for (const id of store.#ledger.load(parts.tables)) await store.#mendRow(id);
    // What fails here is done by the next start; meanwhile a lane that is held counts as one that is lost.
    await store.#claims.retire().catch(() => undefined);
    store.deadLetters.start();
    store.#ids.start();
    return store;
  }

  async append(chunks: readonly NewChunk[], letters: readonly NewDeadLetter[] = []): Promise<readonly AppendedChunk[]> {
    this.#refuseWhenClosed();
    const encoded = chunks.map((chunk) => this.#intake.encode(chunk));
    const encodedLetters = letters.map(encodeLetter);
    const letterBytes = encodedLetters.reduce((sum, { record }) => sum + record.length, 0);
    try {
      return await this.#intake.write(encoded, letterBytes, (draft) => {
        writeLetters(draft, encodedLetters);
        return encoded.map((chunk) => this.#intake.put(draft, chunk));
      });
    } finally {
      if (letters.length > 0) this.deadLetters.trim();
    }
  }

  async claim(listener: LaneListener): Promise<void> {
    this.#refuseWhenClosed();
    await this.#claims.start(listener);
  }

  async backlog(): Promise<readonly LaneBacklog[]> {
    this.#refuseWhenClosed();
    const lanes: LaneBacklog[] = [];
    let looked = 0;
    for (const counts of [...this.#ledger.lanes.values()]) {
      const { lane, events, bytes } = counts;
      if (!this.#ledger.oldestAt.has(lane)) {
        looked += 1;
        if (looked % lanesPerTurn === 0) await turn();
        if (this.#closing !== undefined) break;
        this.#ledger.oldestAt.set(lane, this.#oldestAt(counts));
      }
      lanes.push({ lane, events, bytes, oldestAt: this.#ledger.oldestAt.get(lane) });
    }
    return lanes;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#claims.stop();
    this.#ids.stop();
    this.deadLetters.stop();
    await this.#queue.close();
    await this.#parts.release();
  }

  #refuseWhenClosed(): void {
    if (this.#closing !== undefined) throw new Error('the store is closed');
  }

  #read(lane: string, from: number, maxBytes: number): readonly Chunk[] {
    const counts = this.#ledger.lanes.get(lane);
    if (counts === undefined) return [];
    return readChunks(this.#parts.tables, counts, from, maxBytes, (key) => {
      void this.#mend((draft) => (draft.lane(lane)?.id === counts.id ? mendLane(draft, counts.id, lane, key) : []));
    });
  }

  #oldestAt(counts: LaneCounts): number | undefined {
    for (const { value } of headsOf(this.#parts.tables, counts, 0)) return decodeHead(value)?.receivedAt;
    return undefined;
  }

  /** A lane whose row is damaged: its chunks tell its name. */
  async #mendRow(id: number): Promise<void> {
    await this.#mend((draft) => {
      const row = draft.get('lanes', laneKey(id)) ?? Buffer.alloc(0);
      return [{ kind: 'lane', name: String(id), bytes: row.length }, ...mendLane(draft, id)];
    });
  }

  /** What fails here is found again by the next who reads. */
  async #mend(draft: (draft: Draft) => readonly Unreadable[]): Promise<void> {
    try {
      this.#report(await this.#queue.write({ adds: false, bytes: 0, draft }));
    } catch {
      return;
    }
  }

  #report(unreadable: readonly Unreadable[]): void {
    for (const record of unreadable) this.#parts.onUnreadable(record);
  }
}
