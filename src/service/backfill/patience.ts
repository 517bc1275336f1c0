import type { BackOffPolicy } from '../../core/delivery/back-off.js';

/** How long a backfill tries again before it stops, from where it can be gone on with later. */
export const patience: BackOffPolicy & { readonly giveUpMs: number } = Object.freeze({
  baseMs: 500,
  capMs: 15_000,
  // A service that is busy asks to come back in 5 s; nobody means to hold up a backfill for longer than this.
  maxRetryAfterMs: 300_000,
  giveUpMs: 300_000,
});
