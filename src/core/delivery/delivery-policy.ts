import type { BatchLimits } from '../batching/plan-requests.js';
import type { ConcurrencyPolicy } from './adaptive-concurrency.js';
import type { BackOffPolicy } from './back-off.js';
import type { BreakerPolicy } from './breaker.js';
import type { RateLimits } from './limits/lane-limiter.js';
import type { PoisonPolicy } from './poison-guard.js';
import type { RetryBudgetPolicy } from './retry-budget.js';

export interface RetryPolicy extends BackOffPolicy {
  /** Wait before a lane with a wrong setting is tried again. */
  readonly haltedMs: number;
}

/** How a lane sends. */
export interface LanePolicy {
  readonly batch: BatchLimits;
  /** How long a first operation waits for company. */
  readonly lingerMs: number;
  /** An operation that can't be delivered and is older than this is given up as `expired`. */
  readonly maxAgeMs: number;
  /**
   * Failed attempts until an operation is given up as `attempts_exhausted`; being throttled is none. Infinity is the
   * right value for most: then an outage gives up nothing before `maxAgeMs`.
   */
  readonly maxAttempts: number;
  /** Requests in flight at once, at most. */
  readonly concurrency: number;
  readonly retry: RetryPolicy;
  readonly breaker: BreakerPolicy;
  readonly poison: PoisonPolicy;
  readonly rateLimits: RateLimits;
}

/** How the lanes of one host share it. */
export interface HostPolicy {
  readonly concurrency: ConcurrencyPolicy;
  /** Connections beside those, for requests that overstay and for lanes whose last request did. */
  readonly maxSlow: number;
  readonly breaker: BreakerPolicy;
  readonly budget: RetryBudgetPolicy;
}

export interface DeliveryPolicy {
  readonly lane: LanePolicy;
  readonly host: HostPolicy;
  /** Bytes of all request bodies in flight; a request is started while there are fewer. */
  readonly maxInFlightBytes: number;
}
