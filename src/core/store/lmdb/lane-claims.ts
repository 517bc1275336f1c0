import type { Clock } from '../../clock.js';
import type { LaneListener, LaneMemo } from '../store.js';
import type { CommitQueue } from './commit-queue.js';
import type { Draft } from './draft.js';
import { holdLane, retireRows, type Handover, type WrittenMemo } from './lane-rows.js';
import type { Ledger } from './ledger.js';
import { LmdbLane, type LaneTools } from './lmdb-lane.js';
import type { Tables } from './tables.js';

/** Lanes that are claimed in one transaction. */
const lanesPerTurn = 500;

export interface LaneClaimsParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly queue: CommitQueue;
  readonly clock: Clock;
  readonly tools: LaneTools;
}

/**
 * Which lanes this process sends: the store is its own, so each in which something waits. A lane is handed over when it is
 * on disk that it is held, and before anybody hears that something was appended to it.
 */
export class LaneClaims {
  readonly #parts: LaneClaimsParts;
  readonly #lanes = new Map<string, LmdbLane>();
  #listener: LaneListener | undefined;

  constructor(parts: LaneClaimsParts) {
    this.#parts = parts;
  }

  /** What former processes left; to be called before `start`. */
  async retire(): Promise<void> {
    const { tables, queue, clock } = this.#parts;
    for (let start: Buffer | undefined = Buffer.from([0]); start !== undefined;) {
      const { write, next } = retireRows(tables, clock.now(), start);
      await queue.write({ adds: false, bytes: 0, draft: write });
      start = next;
    }
  }

  async start(listener: LaneListener): Promise<void> {
    if (this.#listener !== undefined) throw new Error('lanes are claimed once');
    // From here on appended chunks claim their lanes themselves.
    this.#listener = listener;
    let waiting: readonly string[] | undefined;
    for (let at = 0; at < (waiting?.length ?? 1); at += lanesPerTurn) {
      const draft = (draft: Draft): void => {
        // What was on its way when this was called is on disk by now.
        waiting ??= [...this.#parts.ledger.lanes.keys()];
        for (const lane of waiting.slice(at, at + lanesPerTurn)) this.take(draft, lane);
      };
      await this.#parts.queue.write({ adds: false, bytes: 0, draft });
    }
  }

  /** Claims a lane in which something is going to wait, unless it is claimed. */
  take(draft: Draft, lane: string): void {
    const listener = this.#listener;
    if (listener === undefined || draft.isClaimed(lane)) return;
    const handover = holdLane(draft, lane, this.#parts.clock.now());
    draft.setClaimed(lane, true);
    draft.onceWritten(() => {
      this.#handOver(lane, handover, listener);
    });
  }

  /** Nothing more is claimed, and nothing more may be begun. */
  stop(): void {
    this.#listener = undefined;
    for (const lane of this.#lanes.values()) lane.lose();
  }

  #handOver(lane: string, { memo, wasReleased }: Handover, listener: LaneListener): void {
    const { ledger, tools, clock } = this.#parts;
    const claimed = new LmdbLane(tools, {
      lane,
      events: ledger.lanes.get(lane)?.events ?? 0,
      memo: memo === undefined ? undefined : agedMemo(memo, clock.now()),
      wasReleased,
    });
    this.#lanes.set(lane, claimed);
    listener.onClaimed(claimed);
  }
}

function agedMemo({ text, writtenAt }: WrittenMemo, now: number): LaneMemo {
  return { text, ageMs: Math.max(0, now - writtenAt) };
}
