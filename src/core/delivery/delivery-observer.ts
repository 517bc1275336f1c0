import type { LaneTarget } from '../batching/operation.js';
import type { PlannedRequest } from '../batching/plan-requests.js';
import type { BreakerState } from './breaker.js';
import type { LaneMode } from './lane-health.js';
import type { PoisonFinding } from './poison-guard.js';
import type { Reply } from './reply.js';

/** Why a lane, or one identity of it, does not send now. */
export type WaitCause = (typeof waitCauses)[number];

export const waitCauses = ['retry', 'throttled', 'halted', 'lane_limit', 'identity_limit'] as const;

/** Hears what delivery does; metrics and logs are made of it. It must not throw. */
export interface DeliveryObserver {
  onReply(request: PlannedRequest<unknown>, reply: Reply, seconds: number): void;
  /** A wait begins; Infinity: until something in flight is answered. `detail` is the destination's words, or empty. */
  onWait(lane: LaneTarget, cause: WaitCause, ms: number, detail: string): void;
  onTransition(lane: LaneTarget, from: LaneMode, to: LaneMode): void;
  /** The lane stops for a person to look. */
  onPaused(lane: LaneTarget, finding: PoisonFinding): void;
  onLaneBreaker(lane: LaneTarget, from: BreakerState, to: BreakerState): void;
  onHostBreaker(host: string, from: BreakerState, to: BreakerState): void;
  /** A request is sent whose lane failed just before. */
  onRetry(request: PlannedRequest<unknown>): void;
  /** A smaller request is about to be sent, cut from one that was refused as a whole. */
  onSplit(request: PlannedRequest<unknown>): void;
  /** A refused request is taken apart to its end: the requests that took, and the culprits that were found. */
  onSearched(lane: LaneTarget, kind: string, requests: number, culprits: number): void;
  /** An operation arrived, so long after it was accepted. */
  onDelivered(kind: string, seconds: number): void;
  /** A fault of this code; delivery goes on. */
  onFault(error: unknown): void;
}
