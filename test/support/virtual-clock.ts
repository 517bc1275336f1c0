import type { Clock } from '../../src/core/clock.js';

interface Sleeper {
  readonly at: number;
  readonly wake: () => void;
}

/** Time that moves only when a test says so. */
export class VirtualClock implements Clock {
  #now: number;
  readonly #sleepers = new Set<Sleeper>();

  constructor(startsAt = Date.UTC(2026, 2, 10, 12)) {
    this.#now = startsAt;
  }

  now(): number {
    return this.#now;
  }

  /** How many sleep at the moment: 0 when nothing waits for time any more. */
  get sleeping(): number {
    return this.#sleepers.size;
  }

  sleep(ms: number, signal?: AbortSignal): Promise<void> {
    if (signal?.aborted === true) return Promise.resolve();
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#sleepers.delete(sleeper);
        signal?.removeEventListener('abort', wake);
        resolve();
      };
      const sleeper: Sleeper = { at: this.#now + ms, wake };
      this.#sleepers.add(sleeper);
      signal?.addEventListener('abort', wake);
    });
  }

  /** Moves time on, waking every sleeper at its own moment and letting what it starts run before the next one. */
  async advance(ms: number): Promise<void> {
    const target = this.#now + ms;
    await settled();
    for (let next = this.#next(); next !== undefined && next.at <= target; next = this.#next()) {
      this.#now = next.at;
      next.wake();
      await settled();
    }
    this.#now = target;
  }

  /** Moves on from sleeper to sleeper until nobody sleeps; throws where that never comes. */
  async runOut(maxSteps = 100_000): Promise<void> {
    await settled();
    for (let step = 0; this.#sleepers.size > 0; step += 1) {
      if (step === maxSteps) throw new Error('somebody always sleeps');
      await this.advance(Math.max(0, (this.#next()?.at ?? this.#now) - this.#now));
    }
  }

  #next(): Sleeper | undefined {
    let next: Sleeper | undefined;
    for (const sleeper of this.#sleepers) if (next === undefined || sleeper.at < next.at) next = sleeper;
    return next;
  }
}

/** Resolves when every promise that can settle without time or I/O has settled. */
export function settled(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
