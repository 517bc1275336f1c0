import type { PlannedItem, PlannedRequest } from '../batching/plan-requests.js';
import { CulpritSearch } from './culprit-search.js';
import type { LaneComposer } from './lane-composer.js';
import type { LaneEntry } from './lane-entry.js';
import type { LaneQueue } from './lane-queue.js';
import type { LaneLimiter } from './limits/lane-limiter.js';

/** A request that was refused as a whole, while it is found out why. Its undecided operations count as in flight. */
export interface Search {
  readonly kind: string;
  readonly items: CulpritSearch<PlannedItem<LaneEntry>>;
  isInFlight: boolean;
}

/** The searches of a lane. Each has one piece in flight at a time; operations that are in none go on beside them. */
export class LaneSearches {
  readonly #searches = new Set<Search>();

  constructor(
    private readonly queue: LaneQueue,
    private readonly composer: LaneComposer,
    private readonly limiter: LaneLimiter,
    private readonly onEnd: (kind: string, requests: number, culprits: number) => void,
  ) {}

  get size(): number {
    return this.#searches.size;
  }

  /** @param request has at least two items. */
  start({ kind, items }: PlannedRequest<LaneEntry>, verdict: 'refused' | 'tooLarge'): void {
    this.#searches.add({ kind, items: new CulpritSearch(items, verdict), isInFlight: false });
  }

  /** What became of the last piece of a search, which ends when everything is decided. */
  report(search: Search, verdict: 'clean' | 'refused' | 'tooLarge'): void {
    search.items.report(verdict);
    if (search.items.next() === undefined) this.end(search);
  }

  /** The end of a search: what is undecided waits like everything else again. */
  end(search: Search): void {
    this.#searches.delete(search);
    const { requests, culprits, undecided } = search.items;
    // Counted is what was taken apart to its end.
    if (undecided.length === 0) this.onEnd(search.kind, requests, culprits);
    for (const { entries } of undecided) for (const entry of entries) this.queue.giveBack(entry);
  }

  /** Ends those that have nothing in flight. */
  endWaiting(): void {
    for (const search of this.#searches) if (!search.isInFlight) this.end(search);
  }

  /** Milliseconds until the next piece may go; Infinity when only an answer changes that. */
  waitMs(now: number): number {
    let wait = Infinity;
    for (const search of this.#searches) wait = Math.min(wait, this.#pieceMs(search, now));
    return wait;
  }

  /** The next piece that may go now. */
  next(now: number): { readonly request: PlannedRequest<LaneEntry>; readonly search: Search } | undefined {
    for (const search of this.#searches) {
      if (this.#pieceMs(search, now) > 0) continue;
      return { request: this.composer.recompose(search.kind, search.items.next() ?? []), search };
    }
    return undefined;
  }

  /** While a piece waits for the lane's own limit, nothing of its kind may take the room that comes free. */
  holdsBack(kind: string, now: number): boolean {
    for (const { kind: ofSearch, items, isInFlight } of this.#searches) {
      const piece = isInFlight || ofSearch !== kind ? undefined : items.next();
      if (piece !== undefined && this.limiter.laneWaitMs(kind, piece.length, now) > 0) return true;
    }
    return false;
  }

  #pieceMs({ kind, items, isInFlight }: Search, now: number): number {
    const piece = isInFlight ? undefined : items.next();
    return piece === undefined ? Infinity : this.composer.waitMs(kind, piece, now);
  }
}
