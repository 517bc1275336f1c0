import type { Clock } from '../../src/core/clock.js';

interface Sleeper {
  /** On the monotonic clock. */
  readonly at: number;
  /** Tells sleepers of one moment apart: who came first is woken first. */
  readonly order: number;
  /** Undefined once it was woken or cancelled. */
  wake: (() => void) | undefined;
}

/** Wake-ups at one moment, at most; more can only be somebody who waits for nothing over and over. */
const maxWakesPerMoment = 1_000_000;

/**
 * Time that moves only when a test says so. The sleepers of one moment are woken together, in the order in which they
 * lay down, and what they start runs before time goes on.
 */
export class VirtualClock implements Clock {
  readonly #startsAt: number;
  readonly #sleepers = new SleeperQueue();
  #monotonic = 0;
  #jumped = 0;
  #order = 0;

  constructor(startsAt = Date.UTC(2026, 2, 10, 12)) {
    this.#startsAt = startsAt;
  }

  now(): number {
    return this.#startsAt + this.#jumped + this.#monotonic;
  }

  monotonic(): number {
    return this.#monotonic;
  }

  /** How many sleep at the moment: 0 when nothing waits for time any more. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const cancel = this.schedule(ms, () => {
        signal?.removeEventListener('abort', abort);
        resolve();
      });
      const abort = (): void => {
        cancel();
        resolve();
      };
      signal?.addEventListener('abort', abort, { once: true });
    });
  }

  schedule(ms: number, run: () => void): () => void {
    if (Number.isNaN(ms)) throw new RangeError('cannot wait for NaN milliseconds');
    const sleeper: Sleeper = { at: this.#monotonic + Math.max(0, ms), order: (this.#order += 1), wake: run };
    this.#sleepers.add(sleeper);
    return () => {
      this.#sleepers.cancel(sleeper);
    };
  }

  /** Sets the time of day on, or back; nobody is woken, and no wait gets longer or shorter. */
  jump(ms: number): void {
    this.#jumped += ms;
  }

  /** Moves time on, waking every sleeper at its own moment and letting what it starts run before the next moment. */
  async advance(ms: number): Promise<void> {
    const target = this.#monotonic + ms;
    await settled();
    let wakes = 0;
    for (let next = this.#sleepers.first(); next !== undefined && next.at <= target; next = this.#sleepers.first()) {
      if (next.at > this.#monotonic) wakes = 0;
      this.#monotonic = next.at;
      wakes += this.#sleepers.wakeAll(next.at);
      if (wakes > maxWakesPerMoment) throw new Error('time stands still: somebody waits for nothing again and again');
      await settled();
    }
    this.#monotonic = target;
  }

  /** Moves on from sleeper to sleeper until nobody sleeps; throws where that never comes. */
  async runOut(maxSteps = 100_000): Promise<void> {
    await settled();
    for (let step = 0; this.#sleepers.size > 0; step += 1) {
      if (step === maxSteps) throw new Error('somebody always sleeps');
      await this.advance(Math.max(0, (this.#sleepers.first()?.at ?? this.#monotonic) - this.#monotonic));
    }
  }
}

/** Resolves when every promise that can settle without time or I/O has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}

/** A binary heap, the next to be woken on top. Cancelled sleepers stay in it until they come up or are the most of it. */
class SleeperQueue {
  #heap: Sleeper[] = [];
  #size = 0;

  get size(): number {
    return this.#size;
  }

  add(sleeper: Sleeper): void {
    this.#size += 1;
    this.#heap.push(sleeper);
    this.#rise(this.#heap.length - 1);
  }

  cancel(sleeper: Sleeper): void {
    if (sleeper.wake === undefined) return;
    sleeper.wake = undefined;
    this.#size -= 1;
    if (this.#heap.length > 64 && this.#heap.length > 2 * this.#size) this.#compact();
  }

  first(): Sleeper | undefined {
    while (this.#heap[0] !== undefined && this.#heap[0].wake === undefined) this.#removeFirst();
    return this.#heap[0];
  }

  /** Wakes whoever lies here now and is due at `at`; who lies down meanwhile has to wait for its turn. */
  wakeAll(at: number): number {
    const due: Sleeper[] = [];
    for (let next = this.first(); next !== undefined && next.at <= at; next = this.first()) {
      due.push(next);
      this.#removeFirst();
    }
    let wakes = 0;
    for (const sleeper of due) {
      // One that was woken before it may have cancelled it.
      const { wake } = sleeper;
      if (wake === undefined) continue;
      sleeper.wake = undefined;
      this.#size -= 1;
      wakes += 1;
      wake();
    }
    return wakes;
  }

  #compact(): void {
    // An array in ascending order is a heap.
    this.#heap = this.#heap.filter(({ wake }) => wake !== undefined).sort((a, b) => (isBefore(a, b) ? -1 : 1));
  }

  #removeFirst(): void {
    const last = this.#heap.pop();
    if (last === undefined || this.#heap.length === 0) return;
    this.#heap[0] = last;
    this.#sink();
  }

  #rise(from: number): void {
    let index = from;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!this.#swapIfBefore(index, parent)) return;
      index = parent;
    }
  }

  #sink(): void {
    for (let index = 0; ;) {
      const left = 2 * index + 1;
      const [a, b] = [this.#heap[left], this.#heap[left + 1]];
      if (a === undefined) return;
      const child = b !== undefined && isBefore(b, a) ? left + 1 : left;
      if (!this.#swapIfBefore(child, index)) return;
      index = child;
    }
  }

  #swapIfBefore(child: number, parent: number): boolean {
    const [below, above] = [this.#heap[child], this.#heap[parent]];
    if (below === undefined || above === undefined || !isBefore(below, above)) return false;
    this.#heap[child] = above;
    this.#heap[parent] = below;
    return true;
  }
}

function isBefore(a: Sleeper, b: Sleeper): boolean {
  return a.at === b.at ? a.order < b.order : a.at < b.at;
}
