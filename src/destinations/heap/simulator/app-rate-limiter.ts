import { KeyedWindows } from './keyed-windows.js';
import type { Limits, RateLimit, RateLimitName } from './limits.js';
import { SlidingWindow } from './sliding-window.js';

/** Why a request is answered 429, and how long until the same request fits. */
export interface Refusal {
  readonly limit: RateLimitName;
  readonly retryAfterMs: number;
}

/** What one request wants of one window. */
interface Claim {
  readonly limit: RateLimitName;
  readonly window: SlidingWindow;
  readonly count: number;
}

/**
 * The rate limits of one app_id. Each method either counts the whole request and returns undefined, or counts nothing
 * and returns the refusal with the longest wait: what was refused uses up no allowance.
 *
 * "Identity" in Heap's pages is read as the user that a request names, by identity or by user_id.
 */
export class AppRateLimiter {
  private readonly bulkApp: SlidingWindow | null;
  private readonly bulkIdentity: KeyedWindows | null;
  private readonly singleTrack: KeyedWindows | null;
  private readonly singleUserProperties: KeyedWindows | null;
  private readonly bulkUserPropertiesCount: boolean;

  constructor(limits: Limits) {
    this.bulkApp = limits.bulkTrackPerApp && new SlidingWindow(limits.bulkTrackPerApp);
    this.bulkIdentity = keyed(limits.bulkTrackPerIdentity);
    this.singleTrack = keyed(limits.trackPerIdentity);
    this.singleUserProperties = keyed(limits.userPropertiesPerIdentity);
    this.bulkUserPropertiesCount = limits.bulkUserPropertiesCount;
  }

  track(user: string, now: number): Refusal | undefined {
    if (this.singleTrack === null) return undefined;
    return admit([{ limit: 'trackPerIdentity', window: this.singleTrack.window(user, now), count: 1 }], now);
  }

  userProperties(user: string, now: number): Refusal | undefined {
    return this.countUserProperties([user], now);
  }

  bulkUserProperties(users: readonly string[], now: number): Refusal | undefined {
    return this.bulkUserPropertiesCount ? this.countUserProperties([...new Set(users)], now) : undefined;
  }

  /** `users` has one entry per event. */
  bulkTrack(users: readonly string[], now: number): Refusal | undefined {
    const claims: Claim[] = [];
    if (this.bulkApp !== null) claims.push({ limit: 'bulkTrackPerApp', window: this.bulkApp, count: users.length });
    if (this.bulkIdentity !== null) {
      const counts = new Map<string, number>();
      for (const user of users) counts.set(user, (counts.get(user) ?? 0) + 1);
      for (const [user, count] of counts) {
        claims.push({ limit: 'bulkTrackPerIdentity', window: this.bulkIdentity.window(user, now), count });
      }
    }
    return admit(claims, now);
  }

  private countUserProperties(users: readonly string[], now: number): Refusal | undefined {
    const windows = this.singleUserProperties;
    if (windows === null) return undefined;
    return admit(
      users.map((user) => ({ limit: 'userPropertiesPerIdentity', window: windows.window(user, now), count: 1 })),
      now,
    );
  }
}

function keyed(limit: RateLimit | null): KeyedWindows | null {
  return limit && new KeyedWindows(limit);
}

function admit(claims: readonly Claim[], now: number): Refusal | undefined {
  let refusal: Refusal | undefined;
  for (const { limit, window, count } of claims) {
    const retryAfterMs = window.waitMs(count, now);
    if (retryAfterMs > (refusal?.retryAfterMs ?? 0)) refusal = { limit, retryAfterMs };
  }
  if (refusal === undefined) for (const { window, count } of claims) window.add(count, now);
  return refusal;
}
