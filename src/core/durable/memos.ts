import type { Clock } from '../clock.js';

/** So long after something was sent the store knows of it, whatever becomes of it. */
const memoMs = 2_000;

/**
 * Has a memo written soon after something is sent. With each commit one is written anyway; but where the destination
 * fails, what is sent uses up the limits and nothing is settled.
 */
export class Memos {
  #cancel: (() => void) | undefined;
  #isStopped = false;

  constructor(
    private readonly clock: Clock,
    private readonly write: () => void,
  ) {}

  /** Something is sent. */
  expect(): void {
    if (this.#isStopped) return;
    this.#cancel ??= this.clock.schedule(memoMs, () => {
      this.#cancel = undefined;
      this.write();
    });
  }

  stop(): void {
    this.#isStopped = true;
    this.#cancel?.();
  }
}
