/** At most `max` in any `windowMs` milliseconds. */
export interface RateLimit {
  readonly max: number;
  readonly windowMs: number;
}

/** Heap's documented limits; `null` switches one off. */
export interface Limits {
  /** Events of bulk track requests, per identity and app_id. */
  readonly bulkTrackPerIdentity: RateLimit | null;
  /** Events of bulk track requests, per app_id. */
  readonly bulkTrackPerApp: RateLimit | null;
  /** Single track requests, per identity and app_id. */
  readonly trackPerIdentity: RateLimit | null;
  /** Single user-property requests, per identity and app_id. Counted apart from track: each page states its own. */
  readonly userPropertiesPerIdentity: RateLimit | null;
  /**
   * Whether a bulk user-property request counts as one request of each identity it contains. Heap does not say; false
   * is the lenient reading.
   */
  readonly bulkUserPropertiesCount: boolean;
  /** user_ids that may be linked to one identity. */
  readonly userIdsPerIdentity: RateLimit | null;
  /** Events, users or accounts in one bulk request. */
  readonly itemsPerRequest: number | null;
  /** Users in one deletion request. */
  readonly deletionUsersPerRequest: number | null;
}

/** The limits that are rates of requests or events, and so answered 429. */
export type RateLimitName =
  'bulkTrackPerIdentity' | 'bulkTrackPerApp' | 'trackPerIdentity' | 'userPropertiesPerIdentity';

/**
 * Sources: https://developers.heap.io/reference/bulk-track, /track-1, /add-user-properties, /identify-1 and
 * /user-deletion. Account properties, identify and the integrations endpoints have no published rate limit, so none is
 * enforced for them. "One month" is taken as 30 days.
 */
export const documentedLimits: Limits = Object.freeze({
  bulkTrackPerIdentity: { max: 1000, windowMs: 60_000 },
  bulkTrackPerApp: { max: 15_000, windowMs: 60_000 },
  trackPerIdentity: { max: 30, windowMs: 30_000 },
  userPropertiesPerIdentity: { max: 30, windowMs: 30_000 },
  bulkUserPropertiesCount: false,
  userIdsPerIdentity: { max: 10, windowMs: 30 * 24 * 3_600_000 },
  itemsPerRequest: 1000,
  deletionUsersPerRequest: 10_000,
});
