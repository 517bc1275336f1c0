import type { Operation } from '../batching/operation.js';
import type { Line } from './lane-queue.js';
import type { Ticket } from './ticket.js';

/** One operation in a lane, from its acceptance until it is settled. */
export interface LaneEntry {
  readonly operation: Operation;
  readonly ticket: Ticket;
  /** When its event was accepted, perhaps by an earlier process; monotonic milliseconds. Its age counts from here. */
  readonly acceptedAt: number;
  /** When it came into the lane: what waits for company waits from here. */
  readonly enteredAt: number;
  /** Failed attempts; being throttled is none. */
  attempts: number;
  /** When the last attempt failed; monotonic milliseconds. */
  failedAt: number | undefined;
  /** Failed again after others had been delivered: it shares no request any more. */
  isChoking: boolean;
  /** Merged only with those of the same group: an item that they were merged into was refused, and halved. */
  group: number;
  /** Kept by the lane's queue. */
  place: Place | undefined;
}

/** Where an entry stands in its lane. */
export interface Place {
  /** Grows in the order of acceptance. */
  readonly sequence: number;
  /** One per key; the first is the one that it is sent from. */
  readonly lines: readonly [Line, ...Line[]];
  isInFlight: boolean;
}

export function laneEntry(operation: Operation, ticket: Ticket, acceptedAt: number, enteredAt = acceptedAt): LaneEntry {
  return {
    operation,
    ticket,
    acceptedAt,
    enteredAt,
    attempts: 0,
    failedAt: undefined,
    isChoking: false,
    group: 0,
    place: undefined,
  };
}
