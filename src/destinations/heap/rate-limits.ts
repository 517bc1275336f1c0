import type { KindRateLimits, RateLimits } from '../../core/delivery/limits/lane-limiter.js';
import type { OperationKind } from './operation-kind.js';

/** Heap's rate limits as this service keeps them; `null` switches one off. */
export interface HeapRateLimits {
  /** Events of bulk track requests, per app_id. */
  readonly eventsPerAppPerMinute: number | null;
  /** Events of bulk track requests, per identity and app_id. */
  readonly eventsPerIdentityPerMinute: number | null;
  /** Writes of user properties, and identifies, per identity and app_id; the two are counted apart. */
  readonly requestsPerIdentityPer30Seconds: number | null;
}

/**
 * As Heap documents them: 15,000 events per minute and app, 1,000 per minute and identity
 * (https://developers.heap.io/reference/bulk-track), and 30 requests per 30 s and identity
 * (https://developers.heap.io/reference/add-user-properties, /track-1).
 */
export const documentedRateLimits: HeapRateLimits = Object.freeze({
  eventsPerAppPerMinute: 15_000,
  eventsPerIdentityPerMinute: 1_000,
  requestsPerIdentityPer30Seconds: 30,
});

const minuteMs = 60_000;
const halfMinuteMs = 30_000;

/**
 * The limits by kind of request.
 *
 * All events go out in bulk requests. For user properties and identify Heap states a limit of single requests only, and
 * does not say whether a bulk request counts once for each identity in it. It is taken that it does: should it not, one
 * identity's writes wait, are merged meanwhile and arrive a little later; the other way round Heap would answer 429 to
 * whole requests. Account properties have no published limit.
 */
export function heapRateLimits(limits: HeapRateLimits = documentedRateLimits): RateLimits {
  const { eventsPerAppPerMinute, eventsPerIdentityPerMinute, requestsPerIdentityPer30Seconds } = limits;
  const requests: KindRateLimits =
    requestsPerIdentityPer30Seconds === null
      ? {}
      : { perKey: { max: requestsPerIdentityPer30Seconds, windowMs: halfMinuteMs, per: 'request' } };
  return {
    track: {
      ...(eventsPerAppPerMinute === null ? {} : { perLane: { max: eventsPerAppPerMinute, windowMs: minuteMs } }),
      ...(eventsPerIdentityPerMinute === null
        ? {}
        : { perKey: { max: eventsPerIdentityPerMinute, windowMs: minuteMs, per: 'item' } }),
    },
    addUserProperties: requests,
    identify: requests,
  } satisfies Partial<Record<OperationKind, KindRateLimits>>;
}
