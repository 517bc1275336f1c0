import type { RateLimit } from './limits.js';

const compactFrom = 128;

/**
 * An exact sliding window: at no instant do the last `windowMs` milliseconds hold more than `max`. It is the strictest
 * reading of "n per minute", so a sender that satisfies it satisfies fixed windows and token buckets as well.
 *
 * What was counted in one millisecond is one entry; amortised cost is O(1), memory at most min(max, windowMs) entries.
 */
export class SlidingWindow {
  /** time, count, time, count … oldest first, from `head` on. */
  private entries: number[] = [];
  private head = 0;
  private total = 0;

  constructor(private readonly limit: RateLimit) {}

  /** Milliseconds until `count` more fit; 0 when they fit now; the whole window when they never will. */
  waitMs(count: number, now: number): number {
    this.expire(now);
    let excess = this.total + count - this.limit.max;
    if (excess <= 0) return 0;
    for (let at = this.head; ; at += 2) {
      const time = this.entries[at];
      if (time === undefined) return this.limit.windowMs;
      excess -= this.entries[at + 1] ?? 0;
      if (excess <= 0) return time + this.limit.windowMs - now;
    }
  }

  add(count: number, now: number): void {
    const last = this.entries.length - 2;
    if (last >= this.head && this.entries[last] === now) {
      this.entries[last + 1] = (this.entries[last + 1] ?? 0) + count;
    } else {
      this.entries.push(now, count);
    }
    this.total += count;
  }

  private expire(now: number): void {
    for (;;) {
      const time = this.entries[this.head];
      if (time === undefined || time > now - this.limit.windowMs) break;
      this.total -= this.entries[this.head + 1] ?? 0;
      this.head += 2;
    }
    if (this.head >= compactFrom && this.head * 2 >= this.entries.length) {
      this.entries = this.entries.slice(this.head);
      this.head = 0;
    }
  }
}
