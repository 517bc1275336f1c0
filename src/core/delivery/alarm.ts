import type { Clock } from '../clock.js';

/** One timer that whoever waits for a moment sets again and again; only the earliest moment counts. */
export class Alarm {
  #set: { readonly at: number; readonly cancel: () => void } | undefined;

  constructor(
    private readonly clock: Clock,
    private readonly run: () => void,
  ) {}

  /** Rings `ms` from now, unless it rings earlier already; never for Infinity. */
  ringIn(ms: number): void {
    if (ms === Infinity) return;
    const at = this.clock.monotonic() + ms;
    if (this.#set !== undefined && this.#set.at <= at) return;
    this.#set?.cancel();
    const cancel = this.clock.schedule(ms, () => {
      this.#set = undefined;
      this.run();
    });
    this.#set = { at, cancel };
  }

  /** Monotonic milliseconds; undefined while it is not set. */
  get at(): number | undefined {
    return this.#set?.at;
  }

  cancel(): void {
    this.#set?.cancel();
    this.#set = undefined;
  }
}
