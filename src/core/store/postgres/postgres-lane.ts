import type { Clock } from '../../clock.js';
import type { NewDeadLetter } from '../dead-letter.js';
import { LaneLost } from '../lane-lost.js';
import type { Chunk, ClaimedLane, LaneMemo, SettledEvents } from '../store.js';
import { readChunks } from './read-chunks.js';
import type { Query } from './database.js';
import type { LaneQueues } from './lane-queues.js';
import { memoOf, type ClaimRow } from './senders.js';
import type { SettleCall } from './settle-events.js';

export interface LeaseTimes {
  /** How long a lease lasts from when it is claimed or renewed. */
  readonly leaseMs: number;
  /** How long a request may take, whose answer has to be there before the lease ends. */
  readonly requestMs: number;
}

export interface LaneParts extends LeaseTimes {
  readonly owner: string;
  readonly clock: Clock;
  readonly query: Query;
  readonly settles: LaneQueues<SettleCall, undefined>;
  readonly onReleased: (lane: PostgresLane) => void;
  /** The database says that it is somebody else's. */
  readonly onLost: (lane: PostgresLane) => void;
}

/** A call for a lane of an epoch: those of another epoch must not share its transaction. */
export function queueName(lane: string, epoch: number): string {
  return `${epoch}/${lane}`;
}

/** What settling an event writes, about. */
const bytesPerSettledEvent = 16;

/**
 * A lane is held, then being released, then gone; or held, then gone because it was lost. A release that fails leaves it
 * held. Where it is gone, every call rejects.
 */
export class PostgresLane implements ClaimedLane {
  readonly lane: string;
  readonly epoch: number;
  readonly events: number;
  readonly memo: LaneMemo | undefined;
  readonly wasReleased: boolean;
  /** Last chunk that this process knows of. */
  last: number;
  /** Since when nothing waits in it, by the monotonic clock. */
  idleSince: number | undefined;
  /** Whether it was said that others should have it. */
  isWanted = false;
  readonly #parts: LaneParts;
  /** When the claim, or the last renewal, was sent: the lease lasts from then or later. By the monotonic clock. */
  #renewedAt: number;
  #state: 'held' | 'releasing' | 'gone' = 'held';

  constructor(parts: LaneParts, lane: string, claim: ClaimRow, claimedAt: number) {
    this.#parts = parts;
    this.lane = lane;
    this.epoch = claim.epoch;
    this.events = claim.events;
    this.memo = memoOf(claim);
    this.wasReleased = claim.was_released;
    this.last = claim.last;
    this.#renewedAt = claimedAt;
  }

  mayBegin(): boolean {
    const { clock, leaseMs, requestMs } = this.#parts;
    return this.#state === 'held' && clock.monotonic() < this.#renewedAt + leaseMs - requestMs;
  }

  async read(from: number, maxBytes: number): Promise<readonly Chunk[]> {
    this.#refuseWhenGone();
    const chunks = await readChunks(this.#parts.query, this.lane, from, maxBytes);
    this.#refuseWhenGone();
    return chunks;
  }

  settle(settled: readonly SettledEvents[], letters: readonly NewDeadLetter[], memo?: string): Promise<void> {
    return this.#settle(settled, letters, memo, false);
  }

  async release(memo: string): Promise<void> {
    this.#refuseWhenGone();
    this.#state = 'releasing';
    try {
      await this.#settle([], [], memo, true);
      this.end();
      this.#parts.onReleased(this);
    } finally {
      // Whoever gave it back does not send it any more: it is not renewed, and free when its lease is over.
      if (!this.isGone) this.#parts.onLost(this);
    }
  }

  /** Neither gone nor being released. */
  get isHeld(): boolean {
    return this.#state === 'held';
  }

  get isGone(): boolean {
    return this.#state === 'gone';
  }

  /** How long the lease lasts at least. */
  leftMs(): number {
    const { clock, leaseMs } = this.#parts;
    return this.#renewedAt + leaseMs - clock.monotonic();
  }

  renewed(sentAt: number): void {
    this.#renewedAt = Math.max(this.#renewedAt, sentAt);
  }

  end(): void {
    this.#state = 'gone';
  }

  async #settle(
    settled: readonly SettledEvents[],
    letters: readonly NewDeadLetter[],
    memo: string | undefined,
    releases: boolean,
  ): Promise<void> {
    if (this.isGone || (this.#state === 'releasing' && !releases)) throw this.#lost();
    const { owner, settles, onLost } = this.#parts;
    const events = settled.reduce((sum, { indexes }) => sum + indexes.length, 0);
    const bytes = letters.reduce((sum, { event }) => sum + event.length, events * bytesPerSettledEvent);
    this.idleSince = undefined;
    const call = { owner, lane: this.lane, epoch: this.epoch, settled, letters, memo, releases };
    try {
      await settles.push(queueName(this.lane, this.epoch), call, bytes);
    } catch (error) {
      if (error instanceof LaneLost) onLost(this);
      throw error;
    }
  }

  #refuseWhenGone(): void {
    if (this.#state !== 'held') throw this.#lost();
  }

  #lost(): LaneLost {
    return new LaneLost(`this process is not the sender of ${JSON.stringify(this.lane)} any more`);
  }
}
