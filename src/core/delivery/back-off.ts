/** How long to wait between attempts. */
export interface BackOffPolicy {
  /** Longest wait before the second attempt. */
  readonly baseMs: number;
  /** Longest wait ever. */
  readonly capMs: number;
  /** Longest wait that a `Retry-After` may ask for; a longer one is cut, so that a wrong header can't stop a lane. */
  readonly maxRetryAfterMs: number;
}

/**
 * Exponential back-off with full jitter: uniform in 0..min(cap, base · 2^failures). Full jitter spreads callers that
 * failed together better than any smaller one
 * (https://aws.amazon.com/blogs/architecture/exponential-backoff-and-jitter/).
 *
 * @param failures attempts that failed so far, from 0.
 * @param random in [0, 1).
 */
export function backOffMs(policy: BackOffPolicy, failures: number, random: number): number {
  const ceiling = Math.min(policy.capMs, policy.baseMs * 2 ** Math.min(failures, 52));
  return Math.floor(random * ceiling);
}

/**
 * The wait before the next attempt: what the destination asked for, at least `baseMs` and clamped, with up to a tenth on top so that lanes
 * told the same second do not come back together; without a wish, the back-off.
 */
export function retryDelayMs(
  policy: BackOffPolicy,
  failures: number,
  askedMs: number | undefined,
  random: number,
): number {
  if (askedMs === undefined) return backOffMs(policy, failures, random);
  // Asked to come back at once, for the tenth time, a lane backs off all the same: the header is wrong, or a clock is.
  if (askedMs < policy.baseMs) return Math.max(policy.baseMs, backOffMs(policy, failures, random));
  const clamped = Math.min(askedMs, policy.maxRetryAfterMs);
  return Math.floor(clamped + random * Math.min(clamped / 10, policy.baseMs));
}
