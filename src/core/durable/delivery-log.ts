import { LoggedEvent, type EventFacts, type LaneShare, type LogTotals } from './logged-event.js';

export type { LoggedEvent };

export interface DeliveryLogBounds {
  /** The last so many events of each lane are kept; up to a quarter more, because they are forgotten in bulk. */
  readonly eventsPerLane: number;
  /** In all lanes together. */
  readonly maxEvents: number;
  /** Of all lanes together, about: texts in UTF-8, and what objects take. */
  readonly maxBytes: number;
}

export const defaultDeliveryLogBounds: DeliveryLogBounds = {
  eventsPerLane: 1_000,
  maxEvents: 50_000,
  maxBytes: 64 * 1024 * 1024,
};

/** What is named must match; what is not named may be anything. */
export interface EventQuery {
  readonly messageId?: string;
  /** An identity, a user_id or an account that one of the event's operations is about. */
  readonly identity?: string;
  readonly lane?: string;
}

/** What is left of a log that has become too large: so the next events have room before it has to be cut again. */
const keptShare = 0.75;

/**
 * What became of the last events, in memory, for a person who asks. Every event passes through here and almost none is
 * asked for, so that nothing is indexed: beginning, one attempt and settling take 0.5 µs together, most of it the garbage
 * collector's for what is kept, and a search looks at every event that is kept (5 to 25 ms for 50,000, Node 20.20).
 *
 * Where there are too many events or bytes, the lanes that take the most lose their oldest, so that a busy lane never
 * costs a quiet one its log.
 */
export class DeliveryLog {
  readonly #bounds: DeliveryLogBounds;
  readonly #lanes = new Map<string, LaneShare>();
  readonly #totals: LogTotals;
  #sequence = 0;

  constructor(bounds: DeliveryLogBounds, now: () => number) {
    this.#bounds = bounds;
    this.#totals = { events: 0, bytes: 0, now };
  }

  get events(): number {
    return this.#totals.events;
  }

  /** About what they take. */
  get bytes(): number {
    return this.#totals.bytes;
  }

  /** The event is `queued` until it is settled. */
  begin(facts: EventFacts): LoggedEvent {
    const { eventsPerLane, maxEvents, maxBytes } = this.#bounds;
    let share = this.#lanes.get(facts.lane);
    if (share === undefined) {
      share = { events: [], bytes: 0 };
      this.#lanes.set(facts.lane, share);
    }
    const event = new LoggedEvent(facts, (this.#sequence += 1), share, this.#totals);
    share.events.push(event);
    if (share.events.length > eventsPerLane * 1.25) forgetOldest(share, share.events.length - eventsPerLane);
    if (this.#totals.events > maxEvents || this.#totals.bytes > maxBytes) this.#shrink();
    return event;
  }

  /** Events that match, the newest first, at most `limit`. They change as delivery goes on. */
  find(query: EventQuery, limit: number): readonly LoggedEvent[] {
    const found: LoggedEvent[] = [];
    for (const { events } of this.#sharesOf(query.lane)) {
      let inLane = 0;
      for (let index = events.length - 1; index >= 0 && inLane < limit; index -= 1) {
        const event = events[index];
        if (event === undefined || !matches(event, query)) continue;
        found.push(event);
        inLane += 1;
      }
    }
    return found.sort((one, other) => other.sequence - one.sequence).slice(0, limit);
  }

  #sharesOf(lane: string | undefined): Iterable<LaneShare> {
    if (lane === undefined) return this.#lanes.values();
    const share = this.#lanes.get(lane);
    return share === undefined ? [] : [share];
  }

  /** Cuts the largest lanes to one size, until a quarter is gone and the bounds are kept. */
  #shrink(): void {
    const { maxEvents, maxBytes } = this.#bounds;
    const totals = this.#totals;
    while (totals.events > maxEvents || totals.bytes > maxBytes) {
      const target = totals.bytes * keptShare;
      const shares = [...this.#lanes].sort(([, one], [, other]) => other.bytes - one.bytes);
      const level = cutLevel(
        shares.map(([, { bytes }]) => bytes),
        totals.bytes,
        target,
      );
      for (const [lane, share] of shares) {
        if (totals.bytes <= target) break;
        forgetDownTo(share, level);
        if (share.events.length === 0) this.#lanes.delete(lane);
      }
    }
  }
}

/** To how many bytes the largest have to be cut so that all together come to `target`. `sizes` fall. */
function cutLevel(sizes: readonly number[], total: number, target: number): number {
  let smaller = total;
  let level = 0;
  for (const [index, size] of sizes.entries()) {
    smaller -= size;
    level = Math.max(0, (target - smaller) / (index + 1));
    if (level >= (sizes[index + 1] ?? 0)) break;
  }
  return level;
}

function forgetDownTo(share: LaneShare, bytes: number): void {
  let count = 0;
  for (const event of share.events) {
    if (share.bytes <= bytes) break;
    event.forget();
    count += 1;
  }
  share.events.splice(0, count);
}

function forgetOldest(share: LaneShare, count: number): void {
  for (const event of share.events.splice(0, count)) event.forget();
}

function matches(event: LoggedEvent, { messageId, identity }: EventQuery): boolean {
  return (
    (messageId === undefined || event.messageId === messageId) &&
    (identity === undefined || event.operations.some(({ keys }) => keys.some((key) => isAbout(key, identity))))
  );
}

/** Keys are written `identity "ann`: what the id is of, a space, a quotation mark and the id. */
function isAbout(key: string, id: string): boolean {
  const start = key.indexOf(' "') + 2;
  return start > 1 && key.length - start === id.length && key.endsWith(id);
}
