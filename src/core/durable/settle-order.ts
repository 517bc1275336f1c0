/** An event in memory, between the store and its settlement. */
export interface OrderedEvent {
  readonly keys: readonly string[];
  /** Earlier events with one of its keys that are not settled. */
  blockers: number;
  followers: OrderedEvent[];
  isDone: boolean;
  /** Tells the store. */
  settle(): void;
}

/**
 * Settles the events of one key in the order in which they were accepted, whatever the order in which they are done. An
 * event that is not settled is delivered again after a crash: were a later one of the same user settled by then, the
 * older value would come last and stay.
 */
export class SettleOrder {
  readonly #last = new Map<string, OrderedEvent>();

  /** Keys of events that are not settled. */
  get size(): number {
    return this.#last.size;
  }

  add(event: OrderedEvent): void {
    for (const key of event.keys) {
      const before = this.#last.get(key);
      if (before !== undefined) {
        before.followers.push(event);
        event.blockers += 1;
      }
      this.#last.set(key, event);
    }
  }

  /** The event is done: it is settled now, or as soon as those before it are. */
  done(event: OrderedEvent): void {
    event.isDone = true;
    const free = event.blockers === 0 ? [event] : [];
    for (let next = free.pop(); next !== undefined; next = free.pop()) {
      next.settle();
      for (const key of next.keys) if (this.#last.get(key) === next) this.#last.delete(key);
      for (const follower of next.followers) {
        follower.blockers -= 1;
        if (follower.blockers === 0 && follower.isDone) free.push(follower);
      }
      next.followers = [];
    }
  }
}
