import { StoreFull } from '../store/store-full.js';
import { StoreUnavailable } from '../store/store-unavailable.js';
import type { DeadLetters } from '../store/store.js';
import { selectLetters, type LetterSelection, type SelectedLetter } from './select-letters.js';

/** How far a replay, or whatever else goes through letters, came. */
export interface LetterRun {
  /** Id of the last letter that has a verdict. */
  readonly last: string | undefined;
  /** Whether all of the selection was looked at, or what stopped it: its limit, or the store. */
  readonly end: 'all' | 'limit' | 'full' | 'unavailable';
}

/** Letters that are handled in one transaction; an event may have a megabyte. */
const lettersPerTransaction = 50;

/** Goes through a selection in pages of which each is one transaction, until the store has no room or no answer. */
export async function runLetters(
  selection: LetterSelection,
  limit: number,
  letters: DeadLetters,
  run: (page: readonly SelectedLetter[]) => Promise<void>,
): Promise<LetterRun> {
  let last: string | undefined;
  let looked = 0;
  let page: SelectedLetter[] = [];
  const finish = async (): Promise<void> => {
    await run(page);
    last = page.at(-1)?.id ?? last;
    page = [];
  };
  try {
    for await (const selected of selectLetters(letters, selection, limit + 1)) {
      if (looked === limit) {
        await finish();
        return { last, end: 'limit' };
      }
      page.push(selected);
      looked += 1;
      if (page.length === lettersPerTransaction) await finish();
    }
    await finish();
    return { last, end: 'all' };
  } catch (error) {
    if (error instanceof StoreFull) return { last, end: 'full' };
    if (error instanceof StoreUnavailable) return { last, end: 'unavailable' };
    throw error;
  }
}
