import type { EventOutcome } from './ticket.js';

/** Delivered events that are remembered, at least; senders repeat within minutes. */
const maxRemembered = 100_000;

/** Events that are on their way or were delivered lately, so that a repeat is not delivered again. Bounded memory. */
export class RecentEvents {
  readonly #events = new Map<string, Promise<EventOutcome>>();
  /** Keys of delivered events, the oldest first. */
  #delivered: string[] = [];

  /** The outcome of the event with this key: the earlier one's where there is one, else of `deliver`. */
  share(key: string, deliver: () => Promise<EventOutcome>): Promise<EventOutcome> {
    const earlier = this.#events.get(key);
    if (earlier !== undefined) return earlier;
    const settled = deliver().then((outcome) => {
      // Only what was delivered is remembered: anything else may be repeated to more effect.
      if (outcome.type === 'delivered') this.#delivered.push(key);
      else this.#events.delete(key);
      this.#forget();
      return outcome;
    });
    this.#events.set(key, settled);
    return settled;
  }

  #forget(): void {
    if (this.#delivered.length < 2 * maxRemembered) return;
    for (const key of this.#delivered.splice(0, maxRemembered)) this.#events.delete(key);
  }
}
