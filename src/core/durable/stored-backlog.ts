import type { DeadLetterStats } from '../store/dead-letter.js';
import type { Store } from '../store/store.js';

/** What may wait in the store. */
export interface BacklogBounds {
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxEventsPerLane: number;
  readonly maxBytesPerLane: number;
}

interface Waiting {
  events: number;
  bytes: number;
}

/**
 * How much waits in each lane, as the store said lately, with what was appended here since. It may lag behind what
 * others append and settle by the time between two refreshes.
 */
export class StoredBacklog {
  #lanes = new Map<string, Waiting>();
  #total: Waiting = { events: 0, bytes: 0 };
  #oldestAt: number | undefined;
  #letters: Pick<DeadLetterStats, 'letters' | 'bytes'> = { letters: 0, bytes: 0 };

  constructor(private readonly bounds: BacklogBounds) {}

  get events(): number {
    return this.#total.events;
  }

  /** When the oldest was received; milliseconds since the epoch. */
  get oldestAt(): number | undefined {
    return this.#oldestAt;
  }

  get bytes(): number {
    return this.#total.bytes;
  }

  /** Whether there is room at all, or for this lane. */
  hasRoom(lane?: string): boolean {
    const { maxEvents, maxBytes, maxEventsPerLane, maxBytesPerLane } = this.bounds;
    const held = lane === undefined ? undefined : this.#lanes.get(lane);
    return (
      this.#total.events < maxEvents &&
      this.#total.bytes < maxBytes &&
      (held === undefined || (held.events < maxEventsPerLane && held.bytes < maxBytesPerLane))
    );
  }

  add(lane: string, events: number, bytes: number): void {
    const held = this.#lanes.get(lane) ?? { events: 0, bytes: 0 };
    this.#lanes.set(lane, { events: held.events + events, bytes: held.bytes + bytes });
    this.#total = { events: this.#total.events + events, bytes: this.#total.bytes + bytes };
  }

  /** Dead letters, as they were lately. */
  get letters(): Pick<DeadLetterStats, 'letters' | 'bytes'> {
    return this.#letters;
  }

  async refresh(store: Store): Promise<void> {
    const lanes = new Map<string, Waiting>();
    const total = { events: 0, bytes: 0 };
    let oldest = Infinity;
    for (const { lane, events, bytes, oldestAt } of await store.backlog()) {
      lanes.set(lane, { events, bytes });
      total.events += events;
      total.bytes += bytes;
      oldest = Math.min(oldest, oldestAt ?? Infinity);
    }
    this.#lanes = lanes;
    this.#total = total;
    this.#oldestAt = oldest === Infinity ? undefined : oldest;
  }

  async refreshLetters(store: Store): Promise<void> {
    this.#letters = await store.deadLetters.stats();
  }
}
