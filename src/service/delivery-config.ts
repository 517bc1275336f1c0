import type { PoisonPolicy } from '../core/delivery/poison-guard.js';
import type { RetryBudgetPolicy } from '../core/delivery/retry-budget.js';
import { documentedRateLimits, type HeapRateLimits } from '../destinations/heap/rate-limits.js';

/** The section `delivery` of the configuration, with nothing left open. */
export interface DeliveryConfig {
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  /** Connections per host. */
  readonly maxSockets: number;
  /** Of them, those that are kept for requests that hang. */
  readonly maxSlowSockets: number;
  /** Bytes of all request bodies in flight together. */
  readonly maxInFlightBytes: number;
  /** Requests in flight per lane. */
  readonly concurrency: number;
  readonly adaptiveConcurrency: AdaptiveConcurrencyConfig;
  readonly rateLimits: HeapRateLimits;
  readonly baseBackOffMs: number;
  readonly maxBackOffMs: number;
  readonly maxRetryAfterMs: number;
  readonly haltedRetryMs: number;
  readonly maxAgeMs: number;
  /** Failed attempts until an operation is given up; 0 for no limit. */
  readonly maxAttempts: number;
  /** Per host. */
  readonly retryBudget: RetryBudgetPolicy;
  /** Each lane's own. */
  readonly breaker: BreakerConfig;
  readonly hostBreaker: HostBreakerConfig;
  readonly poison: PoisonPolicy;
  readonly maxBacklog: number;
  readonly maxBacklogBytes: number;
}

/** Requests in flight per host, between `min` and what `maxSockets` leaves beside `maxSlowSockets`. */
export interface AdaptiveConcurrencyConfig {
  readonly min: number;
  readonly initial: number;
  readonly decreaseRatio: number;
  readonly failureShare: number;
  readonly latencyFactor: number;
}

export interface BreakerConfig {
  readonly failures: number;
  readonly timeouts: number;
  readonly baseMs: number;
  readonly maxMs: number;
}

export interface HostBreakerConfig extends BreakerConfig {
  /** The failures must be of so many lanes. */
  readonly lanes: number;
}

type Group = {
  [Key in keyof DeliveryConfig]: DeliveryConfig[Key] extends object ? Key : never;
}[keyof DeliveryConfig];

/** The section as somebody writes it: what is left out has a default, in the groups inside it too. */
export type DeliverySettings = Partial<Omit<DeliveryConfig, Group>> & {
  readonly [Key in Group]?: Partial<DeliveryConfig[Key]>;
};

export const defaultDeliveryConfig: DeliveryConfig = Object.freeze({
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  maxSockets: 256,
  maxSlowSockets: 64,
  // Sixteen of the largest requests.
  maxInFlightBytes: 64 * 1024 * 1024,
  concurrency: 8,
  adaptiveConcurrency: Object.freeze({
    // A host that is slow for everybody is slow however little it has to do, and its lanes may be a thousand.
    min: 16,
    initial: 16,
    decreaseRatio: 0.75,
    failureShare: 0.2,
    latencyFactor: 2,
  }),
  rateLimits: documentedRateLimits,
  baseBackOffMs: 500,
  maxBackOffMs: 60_000,
  maxRetryAfterMs: 300_000,
  haltedRetryMs: 60_000,
  maxAgeMs: 7 * 24 * 3_600_000,
  maxAttempts: 0,
  retryBudget: Object.freeze({ ratio: 0.2, perSecond: 10, burst: 100 }),
  breaker: Object.freeze({ failures: 5, timeouts: 3, baseMs: 1_000, maxMs: 60_000 }),
  hostBreaker: Object.freeze({ failures: 10, timeouts: 10, lanes: 3, baseMs: 1_000, maxMs: 10_000 }),
  poison: Object.freeze({ share: 0.3, atLeast: 50, window: 200 }),
  maxBacklog: 200_000,
  maxBacklogBytes: 256 * 1024 * 1024,
});

/** The share of all connections that is kept for requests that hang, where nobody says how many. */
const slowShare = 0.25;

/**
 * Lays what is given over the defaults, group by group. A default that depends on another value follows it: with fewer
 * `maxSockets` than usual a quarter of them is `maxSlowSockets`, and the least and the first concurrency are no higher
 * than the rest allows, nor the least above a first one that is given. Nothing is checked here.
 */
export function completeDelivery(given: DeliverySettings = {}): DeliveryConfig {
  const defaults = defaultDeliveryConfig;
  const { maxSockets = defaults.maxSockets } = given;
  const maxSlowSockets =
    given.maxSlowSockets ?? Math.max(1, Math.min(defaults.maxSlowSockets, Math.floor(maxSockets * slowShare)));
  return Object.freeze({
    ...defaults,
    ...given,
    maxSockets,
    maxSlowSockets,
    adaptiveConcurrency: completeConcurrency(maxSockets - maxSlowSockets, given.adaptiveConcurrency),
    rateLimits: Object.freeze({ ...defaults.rateLimits, ...given.rateLimits }),
    retryBudget: Object.freeze({ ...defaults.retryBudget, ...given.retryBudget }),
    breaker: Object.freeze({ ...defaults.breaker, ...given.breaker }),
    hostBreaker: Object.freeze({ ...defaults.hostBreaker, ...given.hostBreaker }),
    poison: Object.freeze({ ...defaults.poison, ...given.poison }),
  });
}

/** @param max requests that may be in flight. */
function completeConcurrency(max: number, given: Partial<AdaptiveConcurrencyConfig> = {}): AdaptiveConcurrencyConfig {
  const defaults = defaultDeliveryConfig.adaptiveConcurrency;
  const min = Math.max(1, Math.min(defaults.min, max, given.initial ?? Infinity));
  const initial = Math.max(given.min ?? min, Math.min(defaults.initial, max));
  return Object.freeze({ ...defaults, min, initial, ...given });
}
