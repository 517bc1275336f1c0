import type { BatchLimits, PlannedRequest } from '../batching/plan-requests.js';
import type { LanePolicy } from './delivery-policy.js';
import type { LaneComposer } from './lane-composer.js';
import type { LaneEntry } from './lane-entry.js';
import type { LaneQueue } from './lane-queue.js';
import type { LaneSearches, Search } from './lane-searches.js';
import type { LaneLimiter } from './limits/lane-limiter.js';

/** One request to be sent: made of what waits, or a piece of a refused one. */
export interface Batch {
  readonly request: PlannedRequest<LaneEntry>;
  readonly search: Search | undefined;
}

/** What the schedule depends on and others decide. */
export interface Circumstances {
  /** Milliseconds that the host usually takes for an answer. */
  readonly latencyMs: number;
  /** Items of one request, at most. */
  readonly maxItems: number;
  /** Requests of the lane in flight. */
  readonly inFlight: number;
  /** Nothing waits for company any more. */
  readonly isDraining: boolean;
}

/** What may be sent now of one kind. */
type Ready = NonNullable<ReturnType<LaneQueue['readyOf']>>;

/** Longest wait for an answer that might bring company; a slow destination is spared by its host, not by waiting. */
const maxPatienceMs = 2_000;
/** How long a size limit that was learned from a 413 is believed. */
const learnedBytesMs = 600_000;
/** Bytes of a request below which a 413 is not believed to be about the number of items. */
const minLearnedBytes = 1_024;

/**
 * When the next request of a lane is due, and which one it is: pieces of searches first, then the kind of which something
 * has waited longest. No kind is preferred: the queue keeps the order that matters, and merges that never end, one request
 * each, would hold up everything else.
 */
export class LaneSchedule {
  #learned: { readonly maxBytes: number; readonly until: number } | undefined;
  #isLimited = false;

  constructor(
    private readonly parts: {
      readonly policy: LanePolicy;
      readonly queue: LaneQueue;
      readonly composer: LaneComposer;
      readonly limiter: LaneLimiter;
      readonly searches: LaneSearches;
      /** The lane's own rate limit begins to hold it up. */
      readonly onLimited: (ms: number) => void;
    },
  ) {}

  /** The lane's own rate limit holds it up. */
  get isLimited(): boolean {
    return this.#isLimited;
  }

  /** Milliseconds until a request is due; 0 when one is, Infinity when only an event changes that. */
  waitMs(now: number, circumstances: Circumstances): number {
    return Math.min(this.parts.searches.waitMs(now), this.#dueMs(now, circumstances));
  }

  /** The request that is due now, its operations marked as in flight. */
  next(now: number, circumstances: Circumstances): Batch | undefined {
    const { queue, searches, composer, limiter } = this.parts;
    const piece = searches.next(now);
    if (piece !== undefined) return piece;
    const due = queue.kinds.flatMap((kind) => {
      const ready = this.#readyOf(kind, now);
      return ready === undefined || this.#waitOf(kind, ready, now, circumstances) > 0 ? [] : [{ kind, ready }];
    });
    // The sort is stable: of what came together the lowest stage goes first.
    due.sort((a, b) => a.ready.since - b.ready.since);
    for (const { kind } of due) {
      const { maxItems, maxBytes } = this.#limits(kind, now, circumstances);
      const room = limiter.laneRoom(kind, now);
      const request = composer.compose(kind, { maxItems: Math.min(maxItems, room), maxBytes }, now);
      if (request !== undefined) return { request, search: undefined };
    }
    return undefined;
  }

  /**
   * A request was too large: the next ones are half of it for some time.
   *
   * @returns false where it was so small that its size can hardly be the reason.
   */
  learnSize(request: PlannedRequest<LaneEntry>, now: number): boolean {
    if (request.bytes < 2 * minLearnedBytes) return false;
    // A late answer about a larger request does not undo what is known since.
    const believed = this.#learned !== undefined && this.#learned.until > now ? this.#learned.maxBytes : Infinity;
    const maxBytes = Math.min(believed, Math.floor(request.bytes / 2));
    this.#learned = { maxBytes, until: now + learnedBytesMs };
    return true;
  }

  #dueMs(now: number, circumstances: Circumstances): number {
    const { queue } = this.parts;
    const wakesAt = queue.wake(now);
    let due = wakesAt === undefined ? Infinity : Math.max(0, wakesAt - now);
    let isLimited = false;
    for (const kind of queue.kinds) {
      const ready = this.#readyOf(kind, now);
      if (ready === undefined) continue;
      const wait = this.#waitOf(kind, ready, now, circumstances);
      if (wait > this.#lingerMs(kind, ready, now, circumstances)) isLimited = true;
      due = Math.min(due, wait);
    }
    if (isLimited && !this.#isLimited) this.parts.onLimited(due);
    this.#isLimited = isLimited;
    return due;
  }

  #readyOf(kind: string, now: number): Ready | undefined {
    return this.parts.searches.holdsBack(kind, now) ? undefined : this.parts.queue.readyOf(kind);
  }

  #waitOf(kind: string, ready: Ready, now: number, circumstances: Circumstances): number {
    const linger = this.#lingerMs(kind, ready, now, circumstances);
    return Math.max(linger, this.#limitMs(kind, ready.operations, now, circumstances));
  }

  /** Until a request of this kind has waited long enough for company. */
  #lingerMs(kind: string, ready: Ready, now: number, circumstances: Circumstances): number {
    const { maxItems, maxBytes } = this.#limits(kind, now, circumstances);
    if (circumstances.isDraining || ready.operations >= maxItems || ready.bytes >= maxBytes) return 0;
    const { lingerMs } = this.parts.policy;
    const answer = Math.min(circumstances.latencyMs, maxPatienceMs);
    const patience = circumstances.inFlight === 0 ? 0 : Math.max(lingerMs, answer);
    return Math.max(0, ready.since + lingerMs + patience - now);
  }

  /** Until the lane's own rate limit lets a request of a worthwhile size through. */
  #limitMs(kind: string, operations: number, now: number, circumstances: Circumstances): number {
    const { limiter, policy } = this.parts;
    const room = limiter.laneRoom(kind, now);
    const wanted = Math.min(this.#limits(kind, now, circumstances).maxItems, operations);
    if (room >= wanted) return 0;
    const wait = limiter.laneWaitMs(kind, wanted, now);
    // A full request is worth a short wait; a longer one would leave the limit unused.
    if (wait <= policy.lingerMs) return wait;
    return room > 0 ? 0 : limiter.laneWaitMs(kind, 1, now);
  }

  #limits(kind: string, now: number, circumstances: Circumstances): BatchLimits {
    const { composer, policy } = this.parts;
    const learned = this.#learned;
    return {
      maxItems: Math.min(composer.rulesOf(kind).maxItems, circumstances.maxItems),
      maxBytes: learned !== undefined && learned.until > now ? learned.maxBytes : policy.batch.maxBytes,
    };
  }
}
