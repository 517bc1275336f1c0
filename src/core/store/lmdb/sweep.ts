import type { Clock } from '../../clock.js';

/** What is kept for a time needs no haste to go. */
const sweepMs = 60_000;

/** Runs something that removes what is beyond a bound: as time goes by, and when it is told to; one run at a time. */
export class Sweep {
  readonly #clock: Clock;
  readonly #run: () => Promise<void>;
  #cancel: (() => void) | undefined;
  #running = false;

  /** @param run whatever it fails with is found again by the next. */
  constructor(clock: Clock, run: () => Promise<void>) {
    this.#clock = clock;
    this.#run = run;
  }

  /** Until `stop`. */
  start(): void {
    this.now();
    this.#cancel = this.#clock.schedule(sweepMs, () => {
      this.start();
    });
  }

  stop(): void {
    this.#cancel?.();
  }

  now(): void {
    if (this.#running) return;
    this.#running = true;
    void this.#run()
      .catch(() => undefined)
      .finally(() => {
        this.#running = false;
      });
  }
}
