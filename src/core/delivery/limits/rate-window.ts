import type { SavedUse } from './saved-limits.js';

/** At most `max` in any `windowMs` milliseconds. */
export interface RateLimit {
  readonly max: number;
  readonly windowMs: number;
}

/** Entries that a window is saved in, about. */
const maxSavedUses = 12;

/** What was settled in one millisecond. */
interface Settled {
  /** The millisecond, rounded up: an entry may expire too late, never too early. */
  readonly at: number;
  count: number;
  next: Settled | undefined;
}

/**
 * An exact sliding window that stays exact whatever the latency. When the destination counts a request is not known;
 * it is at some moment between sending it and having its answer. So what is in flight counts from `reserve` on, and
 * for `windowMs` more after `settle`: whichever moment it was, the destination never sees more than `max` in any
 * window. The price is that a window lasts one latency longer. Only a request that was given up without an answer and
 * counted after that escapes it.
 *
 * `now` is monotonic, in milliseconds. `reserve`, `settle` and `room` are O(1), amortised. At most
 * min(max, windowMs) entries are kept.
 */
export class RateWindow {
  readonly #limit: RateLimit;
  #inFlight = 0;
  #settled = 0;
  #oldest: Settled | undefined;
  #newest: Settled | undefined;

  /** @throws RangeError for a limit that lets nothing through, or has no window: whoever waits for it waits for ever. */
  constructor(limit: RateLimit) {
    if (!(limit.max >= 1 && limit.windowMs > 0)) {
      throw new RangeError(`a rate limit of ${limit.max} in ${limit.windowMs} ms lets nothing through`);
    }
    this.#limit = limit;
  }

  /** How many may be reserved now; never negative. */
  room(now: number): number {
    this.#expire(now);
    return Math.max(0, this.#limit.max - this.#inFlight - this.#settled);
  }

  /**
   * Whole milliseconds until `count` fit, 0 when they fit now, Infinity when that depends on what is in flight. More
   * than `max` never fit; they are taken as `max`, and go when the window is empty.
   */
  waitMs(count: number, now: number): number {
    let missing = Math.min(count, this.#limit.max) - this.room(now);
    if (missing <= 0) return 0;
    for (let entry = this.#oldest; entry !== undefined; entry = entry.next) {
      missing -= entry.count;
      if (missing <= 0) return Math.ceil(entry.at + this.#limit.windowMs - now);
    }
    return Number.POSITIVE_INFINITY;
  }

  /** Counts `count` as in flight. It does not ask for room: that is the caller's part. */
  reserve(count: number): void {
    this.#inFlight += count;
  }

  /**
   * The answer for `count` of those in flight came at `now`.
   *
   * @param isCounted false gives them back: the destination refused them by its own limit.
   * @throws RangeError when fewer are in flight: a reservation settled twice would let too many through.
   */
  settle(count: number, now: number, isCounted: boolean): void {
    if (count > this.#inFlight) throw new RangeError(`${count} settled, but only ${this.#inFlight} in flight`);
    this.#inFlight -= count;
    if (!isCounted || count === 0) return;
    this.#expire(now);
    this.#settled += count;
    const at = Math.ceil(now);
    const newest = this.#newest;
    // A `now` earlier than the last one joins the last entry: it keeps the order, and only expires later.
    if (newest !== undefined && newest.at >= at) {
      newest.count += count;
      return;
    }
    this.#newest = { at, count, next: undefined };
    if (newest === undefined) this.#oldest = this.#newest;
    else newest.next = this.#newest;
  }

  /**
   * What counts now, in few entries: each is as young as the youngest of what it stands for, so that it expires too late
   * and never too early. What is in flight counts as of now.
   */
  save(now: number): readonly SavedUse[] {
    this.#expire(now);
    const uses: [number, number][] = [];
    const grain = this.#limit.windowMs / maxSavedUses;
    for (let entry = this.#oldest; entry !== undefined; entry = entry.next) {
      const agoMs = Math.max(0, now - entry.at);
      const last = uses.at(-1);
      if (last !== undefined && Math.floor(last[0] / grain) === Math.floor(agoMs / grain)) {
        last[0] = agoMs;
        last[1] += entry.count;
      } else {
        uses.push([agoMs, entry.count]);
      }
    }
    if (this.#inFlight > 0) uses.push([0, this.#inFlight]);
    return uses;
  }

  /** Counts what was saved; to be called first. */
  restore(uses: readonly SavedUse[], now: number): void {
    for (const [agoMs, count] of uses) {
      this.#inFlight += count;
      this.settle(count, now - agoMs, true);
    }
  }

  /** Whether nothing counts any more: a new window would behave the same. */
  isIdle(now: number): boolean {
    this.#expire(now);
    return this.#inFlight === 0 && this.#settled === 0;
  }

  #expire(now: number): void {
    let oldest = this.#oldest;
    while (oldest !== undefined && oldest.at + this.#limit.windowMs <= now) {
      this.#settled -= oldest.count;
      oldest = oldest.next;
    }
    this.#oldest = oldest;
    if (oldest === undefined) this.#newest = undefined;
  }
}
