import type { BreakerState } from './breaker.js';
import type { PoisonFinding } from './poison-guard.js';

/**
 * - `idle`: nothing waits.
 * - `lingering`: operations wait for company.
 * - `queued`: a request is due and waits for its turn at the host.
 * - `sending`: requests are in flight.
 * - `limited`: everything that waits has used up a rate limit of the destination.
 * - `throttled`: the destination asked to slow down.
 * - `waiting`: the last attempt failed, and the next one is not due yet.
 * - `open`: so many failed that only a probe goes out now and then.
 * - `halted`: the destination says that the lane's setting is wrong; tried again from time to time.
 * - `paused`: the destination suddenly rejects too much for one reason; a person has to look.
 */
export type LaneState = (typeof laneStates)[number];

export const laneStates = [
  'idle',
  'lingering',
  'queued',
  'sending',
  'limited',
  'throttled',
  'waiting',
  'open',
  'halted',
  'paused',
] as const;

/** What a lane is doing, for the operator, metrics and logs. */
export interface LaneSnapshot {
  /** What `DeliveryRouter.resume` knows the lane by. */
  readonly key: string;
  readonly region: string;
  readonly appId: string;
  readonly state: LaneState;
  readonly breaker: BreakerState;
  /** Operations that are not settled, waiting or in flight, and their bytes. */
  readonly backlog: number;
  readonly backlogBytes: number;
  /** Age of the oldest of them. */
  readonly oldestAgeMs: number;
  /** Requests in flight. */
  readonly inFlight: number;
  /** Items that may be sent at once under the lane's rate limits, by kind; kinds without such a limit are absent. */
  readonly allowance: Readonly<Record<string, number>>;
  /** Identities that wait for their own rate limit. */
  readonly limitedIdentities: number;
  /** Until the lane looks again whether it may send; null when it waits for an answer, a person, or nothing. */
  readonly nextAttemptMs: number | null;
  /** Failures in a row. */
  readonly failures: number;
  /** Items per request at the moment: halved by every failure, doubled by every success. */
  readonly maxItems: number;
  /** The last request hung; the lane uses connections set aside for such lanes. */
  readonly isSlow: boolean;
  /** Requests that were refused as a whole and are being searched for what is wrong in them. */
  readonly searches: number;
  /** The destination's words, cut. */
  readonly lastError: { readonly detail: string; readonly agoMs: number } | null;
  /** Why the lane is paused. */
  readonly paused: PoisonFinding | null;
}

/** What the lanes of one host share. */
export interface HostSnapshot {
  readonly host: string;
  readonly breaker: BreakerState;
  /** Requests that may be in flight at the moment. */
  readonly concurrency: number;
  readonly inFlight: number;
  /** Requests that hang, beside those in flight. */
  readonly slow: number;
  /** Lanes with a request that waits for its turn. */
  readonly waitingLanes: number;
  readonly retryTokens: number;
  /** Smoothed time of an answer. */
  readonly latencyMs: number;
}

export interface DeliverySnapshot {
  readonly lanes: readonly LaneSnapshot[];
  readonly hosts: readonly HostSnapshot[];
}
