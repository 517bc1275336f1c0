import type { Clock } from '../clock.js';
import type { NewDeadLetter } from '../store/dead-letter.js';
import { LaneLost } from '../store/lane-lost.js';
import { StoreFull } from '../store/store-full.js';
import { StoreUnavailable } from '../store/store-unavailable.js';
import type { ClaimedLane, SettledEvents } from '../store/store.js';

export interface SettlementsOptions {
  readonly lane: ClaimedLane;
  readonly clock: Clock;
  /** What the lane's next sender has to know, written along with each commit; undefined for no more than it knows. */
  readonly memo: () => string | undefined;
  /** There is room for more, where there was none. */
  readonly onRoom: () => void;
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
  #waiting: Waiting[] = [];
  /** Of those that wait and those that are being committed. */
  #size = 0;
  #memoIsDue = false;
  #committing: Promise<void> | undefined;
  readonly #givenUp = new AbortController();

  constructor(private readonly options: SettlementsOptions) {}

  /** Events that are not committed yet. */
  get size(): number {
    return this.#size;
  }

  /** @param letter for an event that was rejected: it is kept, or the event is not settled. */
  add(sequence: number, index: number, letter?: Promise<NewDeadLetter | undefined>): void {
    if (this.#givenUp.signal.aborted) return;
    // Looked at when it is its turn; until then a failure is nobody's.
    letter?.catch(() => undefined);
    this.#waiting.push({ sequence, index, letter });
    this.#size += 1;
    this.#committing ??= this.#commitAll();
  }

  /** Writes the memo, though nothing may be settled. */
  writeMemo(): void {
    if (this.#givenUp.signal.aborted) return;
    this.#memoIsDue = true;
    this.#committing ??= this.#commitAll();
  }

  /** Resolves when everything that was added is committed, or given up. */
  async flush(): Promise<void> {
    await this.#committing;
  }

  /** Commits nothing more than what is under way. */
  giveUp(): void {
    this.#givenUp.abort();
    this.#waiting = [];
    this.#size = 0;
  }

  async #commitAll(): Promise<void> {
    try {
      // What comes in the same moment shares the first commit.
      await Promise.resolve();
      while (this.#waiting.length > 0 || this.#memoIsDue) {
        this.#memoIsDue = false;
        const some = this.#waiting.slice(0, lengthOfCommit(this.#waiting));
        this.#waiting = this.#waiting.slice(some.length);
        await this.#commit(...(await ready(some)));
        this.#size = Math.max(0, this.#size - some.length);
        this.options.onRoom();
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
        const memo = this.options.memo();
        if (settled.length > 0 || memo !== undefined) await this.options.lane.settle(settled, letters, memo);
        return;
      } catch (error) {
        if (!mayBeRepeated(error) || this.#givenUp.signal.aborted) throw error;
        this.options.onTrouble(error);
        await this.options.clock.sleep(waitMs, this.#givenUp.signal);
      }
    }
  }
}

/** Events of one commit, and letters among them: letters hold whole events. */
const maxEvents = 2_000;
const maxLetters = 200;

interface Waiting {
  readonly sequence: number;
  readonly index: number;
  readonly letter: Promise<NewDeadLetter | undefined> | undefined;
}

function lengthOfCommit(waiting: readonly Waiting[]): number {
  let letters = 0;
  const end = waiting.findIndex(({ letter }, position) => {
    if (letter !== undefined) letters += 1;
    return position === maxEvents || letters > maxLetters;
  });
  return end === -1 ? waiting.length : end;
}

/** What is to be written; a rejected event without its letter stays as it is. */
async function ready(
  some: readonly Waiting[],
): Promise<readonly [settled: readonly SettledEvents[], letters: readonly NewDeadLetter[]]> {
  const settled = new Map<number, number[]>();
  const letters: NewDeadLetter[] = [];
  for (const { sequence, index, letter } of some) {
    if (letter !== undefined) {
      const written = await letter;
      if (written === undefined) continue;
      letters.push(written);
    }
    const indexes = settled.get(sequence);
    if (indexes === undefined) settled.set(sequence, [index]);
    else indexes.push(index);
  }
  return [[...settled].map(([sequence, indexes]) => ({ sequence, indexes })), letters];
}

/** Whether the same call may succeed later. */
export function mayBeRepeated(error: unknown): boolean {
  return error instanceof StoreFull || error instanceof StoreUnavailable;
}

/** Somebody else is the lane's sender now. */
export function isLaneLost(error: unknown): boolean {
  return error instanceof LaneLost;
}
