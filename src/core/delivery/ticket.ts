import type { RejectionReason } from '../reasons.js';

/** What became of one operation. */
export type ItemOutcome =
  | { readonly type: 'delivered' }
  | { readonly type: 'rejected'; readonly reason: RejectionReason; readonly detail: string }
  /** The service stopped first; nobody may count it as done. */
  | { readonly type: 'abandoned' };

/** What became of an event that was handed to delivery. */
export type EventOutcome = ItemOutcome;

/**
 * Follows one event until the last of its operations is settled. The worst outcome is the event's: an abandoned
 * operation leaves it undecided whatever became of the others, so that its sender repeats it; a rejected one makes it
 * rejected.
 */
export class Ticket {
  readonly settled: Promise<EventOutcome>;
  #open: number;
  #outcome: EventOutcome = { type: 'delivered' };
  #resolve: (outcome: EventOutcome) => void = () => undefined;

  constructor(operations: number) {
    this.#open = operations;
    this.settled = new Promise((resolve) => {
      this.#resolve = resolve;
    });
  }

  settle(outcome: ItemOutcome): void {
    const isWorse = outcome.type === 'abandoned' || (outcome.type === 'rejected' && this.#outcome.type === 'delivered');
    if (isWorse) {
      this.#outcome = outcome;
    }
    this.#open -= 1;
    if (this.#open === 0) this.#resolve(this.#outcome);
  }
}
