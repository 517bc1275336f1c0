import type { LaneTarget } from '../batching/operation.js';
import { composeRequest, type BatchLimits, type PlannedItem, type PlannedRequest } from '../batching/plan-requests.js';
import type { KindRules, RequestRules } from '../batching/request-rules.js';
import type { LaneEntry } from './lane-entry.js';
import type { LaneQueue, Line } from './lane-queue.js';
import type { LaneLimiter, Reservation } from './limits/lane-limiter.js';

/** Writes that are merged into one item, at most: what many of them weigh is known only once they are merged. */
const maxMerged = 1_000;

/** What becomes of a line that was asked for items. */
interface Taken {
  readonly items: readonly PlannedItem<LaneEntry>[];
  /** There was more, and no room for it. */
  readonly isFull: boolean;
}

/**
 * Makes a lane's requests of what its queue lets go, within the rate limits: items in the order of their lines' turns,
 * repeats merged where the kind allows it, one line after the other until a request is full.
 */
export class LaneComposer {
  constructor(
    private readonly target: LaneTarget,
    private readonly rules: RequestRules,
    private readonly queue: LaneQueue,
    private readonly limiter: LaneLimiter,
    private readonly onLimited: (ms: number) => void,
    private readonly onFault: (error: unknown) => void,
  ) {}

  rulesOf(kind: string): KindRules {
    const rules = this.rules[kind];
    if (rules === undefined) throw new Error(`no request rules for operations of kind ${kind}`);
    return rules;
  }

  /** The next request of this kind, its operations marked as in flight; undefined when nothing may leave now. */
  compose(kind: string, limits: BatchLimits, now: number): PlannedRequest<LaneEntry> | undefined {
    const rules = this.rulesOf(kind);
    const items: PlannedItem<LaneEntry>[] = [];
    let bytes = rules.overheadBytes(this.target) - 1;
    while (items.length < limits.maxItems) {
      const line = this.queue.nextReady(kind);
      if (line === undefined) break;
      const isChoking = line.entries.front?.isChoking === true;
      if (isChoking && items.length > 0) {
        this.queue.putBack(line);
        break;
      }
      const most = this.#allowed(line, kind, isChoking ? 1 : limits.maxItems - items.length, now);
      if (most === 0) continue;
      // The first item goes whatever it weighs: a smaller request with it there is not.
      const maxBytes = items.length === 0 ? Infinity : limits.maxBytes - bytes;
      const taken = this.#take(line, rules, most, maxBytes, limits.maxBytes - bytes);
      for (const item of taken.items) bytes += item.bytes + 1;
      items.push(...taken.items);
      if (isChoking) break;
      if (taken.isFull) {
        if (taken.items.length === 0) this.queue.putBack(line);
        break;
      }
    }
    if (items.length === 0) return undefined;
    try {
      return composeRequest(this.target, kind, rules, items);
    } catch (error) {
      for (const { entries } of items) for (const entry of entries) this.queue.giveBack(entry);
      throw error;
    }
  }

  /** A smaller request of the same kind. */
  recompose(kind: string, items: readonly PlannedItem<LaneEntry>[]): PlannedRequest<LaneEntry> {
    return composeRequest(this.target, kind, this.rulesOf(kind), items);
  }

  /** Counts the request against the rate limits, from now until its answer. */
  reserve({ kind, items }: PlannedRequest<LaneEntry>): Reservation {
    return this.limiter.reserve(kind, items.length, itemsPerKey(items));
  }

  /** Milliseconds until the rate limits let these very items through together. */
  waitMs(kind: string, items: readonly PlannedItem<LaneEntry>[], now: number): number {
    let wait = this.limiter.laneWaitMs(kind, items.length, now);
    for (const [key, count] of itemsPerKey(items)) {
      wait = Math.max(wait, this.limiter.keyWaitMs(kind, key, now, count));
    }
    return wait;
  }

  /** Items that the line may send now; where it is none, the line waits until it is one. */
  #allowed(line: Line, kind: string, most: number, now: number): number {
    const front = line.entries.front;
    if (front === undefined) return 0;
    const key = limitedKey(front);
    const room = this.limiter.keyRoom(kind, key, now);
    if (room > 0) return Math.min(room, most);
    const wait = this.limiter.keyWaitMs(kind, key, now);
    this.queue.limit(line, now + (wait < Infinity ? wait : unknownWaitMs));
    this.onLimited(wait);
    return 0;
  }

  /** @param maxBytes for the items; a first item may be larger than `mergeBytes`, a merged one may not. */
  #take(line: Line, rules: KindRules, most: number, maxBytes: number, mergeBytes: number): Taken {
    if (rules.merge !== undefined) return this.#takeMerged(line, rules, maxBytes, mergeBytes);
    const items: PlannedItem<LaneEntry>[] = [];
    const entries: LaneEntry[] = [];
    let left = maxBytes;
    let isFull = false;
    for (const entry of this.queue.sendable(line, most)) {
      const { text, bytes } = entry.operation;
      if (bytes + 1 > left) {
        isFull = true;
        break;
      }
      left = Math.min(left, mergeBytes) - bytes - 1;
      entries.push(entry);
      items.push({ text, bytes, entries: [entry] });
    }
    this.queue.take(entries);
    return { items, isFull };
  }

  #takeMerged(line: Line, rules: KindRules, maxBytes: number, mergeBytes: number): Taken {
    const candidates = this.queue.sendable(line, maxMerged);
    const [first] = candidates;
    if (first === undefined) return { items: [], isFull: false };
    const { mergeKey } = first.operation;
    const entries = [first];
    let { bytes } = first.operation;
    if (bytes + 1 > maxBytes) return { items: [], isFull: true };
    for (const entry of candidates.slice(1)) {
      if (first.isChoking || entry.isChoking) break;
      if (entry.group !== first.group || entry.operation.mergeKey !== mergeKey) break;
      // The sum is an upper bound of the merged size; what does not fit is written behind.
      if (rules.merge !== 'first' && bytes + entry.operation.bytes > Math.min(maxBytes, mergeBytes)) break;
      if (rules.merge !== 'first') bytes += entry.operation.bytes;
      entries.push(entry);
    }
    const item = this.#merge(entries, first, rules);
    this.queue.take(item.entries);
    return { items: [item], isFull: false };
  }

  /** Should merging them fail, a fault of ours, they go one by one. */
  #merge(entries: readonly LaneEntry[], first: LaneEntry, rules: KindRules): PlannedItem<LaneEntry> {
    try {
      return mergedItem(entries, rules);
    } catch (error) {
      this.onFault(error);
      entries.forEach((entry, index) => (entry.group = -1 - index));
      return mergedItem([first], rules);
    }
  }
}

/** For a limit that opens only with an answer: looked at again after so long. */
const unknownWaitMs = 1_000;

function mergedItem(entries: readonly LaneEntry[], { merge }: KindRules): PlannedItem<LaneEntry> {
  const [first] = entries;
  const text =
    entries.length === 1 || merge === undefined || merge === 'first'
      ? (first?.operation.text ?? '')
      : merge(entries.map(({ operation }) => operation.text));
  return { text, bytes: Buffer.byteLength(text), entries };
}

function itemsPerKey(items: readonly PlannedItem<LaneEntry>[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const { entries } of items) {
    const key = entries[0] === undefined ? '' : limitedKey(entries[0]);
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}

/** The key that rate limits count for. */
function limitedKey({ operation: { keys } }: LaneEntry): string {
  return keys.at(-1) ?? keys[0];
}
