import type { LaneTarget, Operation } from '../../../src/core/batching/operation.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import type { OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';

/** Which events there are. */
export interface EventPlan {
  readonly lanes: number;
  /** Per lane. */
  readonly users: number;
  /** Events of each user. */
  readonly perUser: number;
  /** A user's first event also says who it is, and what is known of it. */
  readonly signUps?: true;
  /** Events that Heap refuses, by their number in each lane. */
  readonly poison?: readonly number[];
}

/** An event that was handed to delivery, and what became of it. */
export interface SocketEvent {
  readonly lane: LaneTarget;
  readonly identity: string;
  /** Also its idempotency key. Grows in the order of acceptance. */
  readonly number: number;
  readonly isPoison: boolean;
  readonly isSignUp: boolean;
  readonly operations: readonly Operation[];
  outcome: EventOutcome | undefined;
  /** How often its promise was settled. */
  settled: number;
}

/** The events of a plan, users and lanes in turn. */
export function planEvents({ lanes, users, perUser, signUps, poison = [] }: EventPlan): readonly SocketEvent[] {
  const events: SocketEvent[] = [];
  for (let inLane = 0; inLane < users * perUser; inLane += 1) {
    for (let laneNumber = 1; laneNumber <= lanes; laneNumber += 1) {
      const lane = laneTo(String(900_000 + laneNumber));
      const identity = `user-${inLane % users}`;
      const number = events.length;
      const isPoison = poison.includes(inLane);
      const isSignUp = signUps === true && inLane < users;
      const operations = operationsOf(lane, identity, number, isPoison, isSignUp);
      events.push({ lane, identity, number, isPoison, isSignUp, operations, outcome: undefined, settled: 0 });
    }
  }
  return events;
}

function laneTo(appId: string): LaneTarget {
  return { key: `us:${appId}`, region: 'us', appId };
}

function operationsOf(
  lane: LaneTarget,
  identity: string,
  number: number,
  isPoison: boolean,
  isSignUp: boolean,
): readonly Operation[] {
  const operation = (kind: OperationKind, fields: JsonObject): Operation =>
    toOperation(lane, kind, fields, JSON.stringify(fields));
  // Heap wants a name.
  const event = isPoison ? '' : 'Order Completed';
  const track = operation('track', { identity, event, idempotency_key: String(number), properties: { number } });
  if (!isSignUp) return [track];
  return [
    operation('identify', { user_id: visitorId(number), identity }),
    operation('addUserProperties', { identity, properties: { number } }),
    track,
  ];
}

/** The Heap `user_id` that a sign-up merges into its user. */
export function visitorId(number: number): string {
  return String(1_000_000 + number);
}
