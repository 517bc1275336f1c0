import { setTimeout as delay } from 'node:timers/promises';

/** Time as the policies see it; tests put a virtual one in its place. */
export interface Clock {
  /** Milliseconds since the epoch. It may jump either way when the machine's time is set. */
  now(): number;
  /** Milliseconds from some fixed moment; never goes back, whatever happens to `now`. Waits and ages are measured in it. */
  monotonic(): number;
  /** Resolves after `ms`, or at once when `signal` is aborted. Never rejects. */
  sleep(ms: number, signal?: AbortSignal): Promise<void>;
  /**
   * Runs `run` once, `ms` from now.
   *
   * @returns cancels it; harmless afterwards.
   */
  schedule(ms: number, run: () => void): () => void;
}

/** Longest wait that a timer of Node takes; a longer one would fire at once. */
const maxTimerMs = 2 ** 31 - 1;

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  sleep: async (ms, signal) => {
    try {
      await delay(ms, undefined, signal === undefined ? {} : { signal });
    } catch (error) {
      if (signal?.aborted !== true) throw error;
    }
  },
  schedule: (ms, run) => {
    const timer = setTimeout(run, Math.min(ms, maxTimerMs));
    return () => {
      clearTimeout(timer);
    };
  },
};
