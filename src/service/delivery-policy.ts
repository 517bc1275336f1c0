import type { BreakerPolicy } from '../core/delivery/breaker.js';
import type { DeliveryPolicy } from '../core/delivery/delivery-policy.js';
import { heapRateLimits } from '../destinations/heap/rate-limits.js';
import type { BreakerConfig, DeliveryConfig } from './delivery-config.js';
import type { BatchingConfig } from './service-config.js';

/** What the configuration means for delivery. */
export function toDeliveryPolicy(batching: BatchingConfig, delivery: DeliveryConfig): DeliveryPolicy {
  return {
    lane: {
      batch: { maxItems: batching.maxItems, maxBytes: batching.maxBytes },
      lingerMs: batching.lingerMs,
      maxAgeMs: delivery.maxAgeMs,
      maxAttempts: delivery.maxAttempts === 0 ? Infinity : delivery.maxAttempts,
      concurrency: delivery.concurrency,
      retry: {
        baseMs: delivery.baseBackOffMs,
        capMs: delivery.maxBackOffMs,
        maxRetryAfterMs: delivery.maxRetryAfterMs,
        haltedMs: delivery.haltedRetryMs,
      },
      breaker: toBreakerPolicy(delivery.breaker, 1),
      poison: delivery.poison,
      rateLimits: heapRateLimits(delivery.rateLimits),
    },
    host: {
      concurrency: { ...delivery.adaptiveConcurrency, max: delivery.maxSockets - delivery.maxSlowSockets },
      maxSlow: delivery.maxSlowSockets,
      breaker: toBreakerPolicy(delivery.hostBreaker, delivery.hostBreaker.lanes),
      budget: delivery.retryBudget,
    },
    maxInFlightBytes: delivery.maxInFlightBytes,
  };
}

function toBreakerPolicy({ failures, timeouts, baseMs, maxMs }: BreakerConfig, lanes: number): BreakerPolicy {
  return { failures, timeouts, lanes, baseMs, capMs: maxMs };
}
