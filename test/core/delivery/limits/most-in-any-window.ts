import type { RateLimit } from '../../../../src/core/delivery/limits/rate-window.js';

/** What the destination counted, and when, in milliseconds. */
export interface Counted {
  readonly at: number;
  readonly count: number;
}

/** The most that any `windowMs` milliseconds held: the plainest sum there is, so that it shares nothing with what it checks. */
export function mostInAnyWindow(counted: readonly Counted[], { windowMs }: RateLimit): number {
  let most = 0;
  for (const { at: end } of counted) {
    let sum = 0;
    for (const { at, count } of counted) if (at > end - windowMs && at <= end) sum += count;
    most = Math.max(most, sum);
  }
  return most;
}
