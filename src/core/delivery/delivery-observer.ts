import type { PlannedRequest } from '../batching/plan-requests.js';
import type { LaneTarget } from '../batching/operation.js';
import type { Reply, SendOutcome } from './reply.js';

/** Hears what delivery does; metrics and logs are made of it. It must not throw. */
export interface DeliveryObserver {
  onReply(request: PlannedRequest<unknown>, reply: Reply, seconds: number): void;
  onWait(lane: LaneTarget, outcome: SendOutcome, ms: number): void;
  /** A smaller request is about to be sent, cut from one that was refused as a whole. */
  onSplit(request: PlannedRequest<unknown>): void;
}
