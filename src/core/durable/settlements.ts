import type { Clock } from '../clock.js';
import type { NewDeadLetter } from '../store/dead-letter.js';
import { LaneLost } from '../store/lane-lost.js';
import { StoreFull } from '../store/store-full.js';
import { StoreUnavailable } from '../store/store-unavailable.js';
import type { ClaimedLane, SettledEvents } from '../store/store.js';

export interface SettlementsOptions {
  readonly lane: ClaimedLane;
  readonly clock: Clock;
  /** What the lane's next sender has to know, written along with each commit. */
  readonly memo: () => string;
  /** The store did not take it for now; it is asked again. */
  readonly onTrouble: (error: unknown) => void;
  /** The store takes nothing of this lane any more; what is not committed stays as it was. */
  readonly onFailed: (error: unknown) => void;
}

const firstRetryMs = 250;
const maxRetryMs = 10_000;

/**
 * What became of a lane's events, on its way into the store, in the order in which it was told: whatever comes while a
 * commit is under way is in the next one. Until its commit an event counts as not settled; after a crash it is delivered
 * again. What the store does not take is offered again until it does: nothing is dropped for want of room.
 */
export class Settlements {
  #settled = new Map<number, number[]>();
  #letters: Promise<NewDeadLetter>[] = [];
  #committing: Promise<void> | undefined;
  readonly #givenUp = new AbortController();

  constructor(private readonly options: SettlementsOptions) {}

  /** @param letter for an event that was rejected: it is kept, or the event is not settled. */
  add(sequence: number, index: number, letter?: Promise<NewDeadLetter>): void {
    if (this.#givenUp.signal.aborted) return;
    const indexes = this.#settled.get(sequence);
    if (indexes === undefined) this.#settled.set(sequence, [index]);
    else indexes.push(index);
    if (letter !== undefined) {
      // Looked at when it is its turn; until then a failure is nobody's.
      letter.catch(() => undefined);
      this.#letters.push(letter);
    }
    this.#committing ??= this.#commitAll();
  }

  /** Resolves when everything that was added is committed, or given up. */
  async flush(): Promise<void> {
    await this.#committing;
  }

  /** Commits nothing more than what is under way. */
  giveUp(): void {
    this.#givenUp.abort();
    this.#settled = new Map();
    this.#letters = [];
  }

  async #commitAll(): Promise<void> {
    try {
      // What comes in the same moment shares the first commit.
      await Promise.resolve();
      while (this.#settled.size > 0) {
        const settled: readonly SettledEvents[] = [...this.#settled].map(([sequence, indexes]) => ({
          sequence,
          indexes,
        }));
        const letters = this.#letters;
        this.#settled = new Map();
        this.#letters = [];
        await this.#commit(settled, await Promise.all(letters));
      }
    } catch (error) {
      this.giveUp();
      this.options.onFailed(error);
    } finally {
      this.#committing = undefined;
    }
  }

  async #commit(settled: readonly SettledEvents[], letters: readonly NewDeadLetter[]): Promise<void> {
    for (let waitMs = firstRetryMs; ; waitMs = Math.min(2 * waitMs, maxRetryMs)) {
      try {
        await this.options.lane.settle(settled, letters, this.options.memo());
        return;
      } catch (error) {
        if (!mayBeRepeated(error) || this.#givenUp.signal.aborted) throw error;
        this.options.onTrouble(error);
        await this.options.clock.sleep(waitMs, this.#givenUp.signal);
      }
    }
  }
}

/** Whether the same call may succeed later. */
export function mayBeRepeated(error: unknown): boolean {
  return error instanceof StoreFull || error instanceof StoreUnavailable;
}

/** Somebody else is the lane's sender now. */
export function isLaneLost(error: unknown): boolean {
  return error instanceof LaneLost;
}
