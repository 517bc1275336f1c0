import type { EventOutcome } from '../delivery/ticket.js';
import type { DropReason, RejectionReason } from '../reasons.js';
import type { LoggedEvent } from './logged-event.js';
import type { OrderedEvent } from './settle-order.js';

/** An event was rejected, by the mapping or by the destination. */
export interface Rejection {
  readonly type: 'rejected';
  readonly reason: RejectionReason;
  readonly detail: string;
  readonly delivered?: Extract<EventOutcome, { type: 'rejected' }>['delivered'];
}

/** What became of an event that is done. */
export type DoneOutcome =
  { readonly type: 'delivered' } | { readonly type: 'dropped'; readonly reason: DropReason } | Rejection;

export interface FedEventFacts {
  readonly sequence: number;
  readonly index: number;
  readonly keys: readonly string[];
  readonly connection: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
}

/** One event in memory, from the store until it is settled. */
export class FedEvent implements OrderedEvent {
  blockers = 0;
  followers: OrderedEvent[] = [];
  isDone = false;
  outcome: DoneOutcome | undefined;
  /** Requests that carried it. */
  attempts = 0;
  /** Where it is at hand: of what was rejected before it was sent. */
  text: string | undefined;
  /** Until it is done. */
  logged: LoggedEvent | undefined;

  constructor(
    readonly facts: FedEventFacts,
    logged: LoggedEvent,
    private readonly onSettle: (event: FedEvent) => void,
  ) {
    this.logged = logged;
  }

  get keys(): readonly string[] {
    return this.facts.keys;
  }

  settle(): void {
    this.onSettle(this);
  }
}
