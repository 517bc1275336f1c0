import type { Operation } from '../batching/operation.js';
import type { RejectionReason } from '../reasons.js';
import type { AttemptListener } from './attempt.js';

interface Rejected {
  readonly type: 'rejected';
  readonly reason: RejectionReason;
  readonly detail: string;
}

/** What became of one operation. */
export type ItemOutcome =
  | { readonly type: 'delivered' }
  | Rejected
  /** The lane is given up first, or the whole service stops; nobody may count it as done. */
  | { readonly type: 'abandoned' };

/** What became of an event that was handed to delivery. */
export type EventOutcome =
  | Exclude<ItemOutcome, Rejected>
  /** `delivered`: operations of the event that arrived all the same, where there are any. */
  | (Rejected & { readonly delivered?: readonly Operation[] });

/**
 * Follows one event until the last of its operations is settled. The worst outcome is the event's: an abandoned
 * operation leaves it undecided whatever became of the others, so that its sender repeats it; a rejected one makes it
 * rejected.
 */
export class Ticket {
  readonly settled: Promise<EventOutcome>;
  #open: number;
  #outcome: ItemOutcome = { type: 'delivered' };
  readonly #delivered: Operation[] = [];
  #resolve: (outcome: EventOutcome) => void = () => undefined;

  constructor(
    operations: number,
    readonly listener?: AttemptListener,
  ) {
    this.#open = operations;
    this.settled = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(outcome: ItemOutcome, operation?: Operation): void {
    if (outcome.type === 'delivered' && operation !== undefined) this.#delivered.push(operation);
    const isWorse = outcome.type === 'abandoned' || (outcome.type === 'rejected' && this.#outcome.type === 'delivered');
    if (isWorse) {
      this.#outcome = outcome;
    }
    this.#open -= 1;
    if (this.#open > 0) return;
    const worst = this.#outcome;
    const isInPart = this.#delivered.length > 0;
    this.#resolve(worst.type === 'rejected' && isInPart ? { ...worst, delivered: this.#delivered } : worst);
  }
}
