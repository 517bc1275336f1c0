import type { DeliverySettings } from '../../../src/service/delivery-config.js';

/** Quick to come back, and short of nothing: a test makes fail what it likes, and waits for none of it. */
export const quickDelivery: DeliverySettings = {
  baseBackOffMs: 2,
  maxBackOffMs: 20,
  haltedRetryMs: 10,
  retryBudget: { perSecond: 10_000, burst: 1_000 },
  breaker: { baseMs: 2, maxMs: 20 },
  hostBreaker: { baseMs: 2, maxMs: 20 },
};
