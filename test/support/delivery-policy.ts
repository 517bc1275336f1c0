import type { BreakerPolicy } from '../../src/core/delivery/breaker.js';
import type { DeliveryPolicy, HostPolicy, LanePolicy } from '../../src/core/delivery/delivery-policy.js';

/** A breaker that nothing opens: what is tested beside it is not held up by it. */
export const neverOpen: BreakerPolicy = { failures: Infinity, timeouts: Infinity, lanes: 1, baseMs: 1, capMs: 1 };

export const lanePolicy: LanePolicy = {
  batch: { maxItems: 10, maxBytes: 100_000 },
  lingerMs: 250,
  maxAgeMs: 3_600_000,
  maxAttempts: Infinity,
  concurrency: 4,
  retry: { baseMs: 1_000, capMs: 8_000, maxRetryAfterMs: 30_000, haltedMs: 60_000 },
  breaker: neverOpen,
  poison: { share: 1, atLeast: 1_000, window: 1_000 },
  rateLimits: {},
};

export const hostPolicy: HostPolicy = {
  concurrency: { min: 1, initial: 8, max: 8, decreaseRatio: 0.75, failureShare: 1, latencyFactor: 1_000 },
  maxSlow: 4,
  breaker: neverOpen,
  budget: { ratio: 1, perSecond: 1_000, burst: 1_000 },
};

export interface PolicyChanges {
  readonly lane?: Partial<LanePolicy>;
  readonly host?: Partial<HostPolicy>;
  readonly maxInFlightBytes?: number;
}

/**
 * Small numbers, and nothing in the way: breakers don't open, the poison guard finds nothing, retries are not short and
 * the host's concurrency stays as it is, where a test does not ask for it.
 */
export function deliveryPolicyWith({ lane, host, maxInFlightBytes = Infinity }: PolicyChanges = {}): DeliveryPolicy {
  return { lane: { ...lanePolicy, ...lane }, host: { ...hostPolicy, ...host }, maxInFlightBytes };
}
