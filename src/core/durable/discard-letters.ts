import type { DeadLetters } from '../store/store.js';
import { runLetters, type LetterRun } from './run-letters.js';
import type { LetterSelection } from './select-letters.js';

export interface DiscardOptions {
  readonly letters: DeadLetters;
  /** Changes nothing: counts what would be discarded. */
  readonly dryRun: boolean;
  /** Letters that are looked at, at most. */
  readonly limit: number;
}

export interface DiscardRun extends LetterRun {
  /** Letters that went, or would go. */
  readonly discarded: number;
  /** Ids that no letter has (any more). */
  readonly gone: number;
}

/** Removes the letters of a selection for good. One that stopped may be repeated. */
export async function discardLetters(
  selection: LetterSelection,
  { letters, dryRun, limit }: DiscardOptions,
): Promise<DiscardRun> {
  let discarded = 0;
  let gone = 0;
  const run = await runLetters(selection, limit, letters, async (page) => {
    const ids = page.filter(({ letter }) => letter !== undefined).map(({ id }) => id);
    const removed = dryRun || ids.length === 0 ? ids.length : await letters.remove(ids);
    discarded += removed;
    gone += page.length - removed;
  });
  return { ...run, discarded, gone };
}
