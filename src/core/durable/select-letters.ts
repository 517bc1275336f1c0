import type { DeadLetter, DeadLetterFilter } from '../store/dead-letter.js';
import type { DeadLetters } from '../store/store.js';

/** What is named must match; what is not named may be anything. */
export interface LetterFilter extends DeadLetterFilter {
  readonly region?: string;
  readonly appId?: string;
}

/** The letters that a person means. */
export type LetterSelection =
  | { readonly ids: readonly string[] }
  /** Those that match, with ids > `after`. */
  | { readonly filter: LetterFilter; readonly after?: string | undefined };

/** A letter that was asked for, or the id of one that is not there (any more). */
export type SelectedLetter =
  { readonly id: string; readonly letter: DeadLetter } | { readonly id: string; readonly letter: undefined };

/** Letters that are in memory at once: an event may have a megabyte. */
const lettersPerPage = 50;

/**
 * The letters of a selection one after the other: those of a filter by id, the others in the order of their ids, each
 * once. At most a page of them is in memory.
 */
export async function* selectLetters(
  letters: DeadLetters,
  selection: LetterSelection,
  pageSize = lettersPerPage,
): AsyncGenerator<SelectedLetter> {
  if ('ids' in selection) {
    for (const id of new Set(selection.ids)) yield { id, letter: await letters.get(id) };
    return;
  }
  const { lane: named, region, appId, ...rest } = selection.filter;
  const lane = named ?? (region === undefined || appId === undefined ? undefined : `${region}:${appId}`);
  const filter: DeadLetterFilter = { ...rest, ...(lane === undefined ? {} : { lane }) };
  const size = Math.min(lettersPerPage, pageSize);
  for (let { after } = selection; ;) {
    const page = await letters.list(filter, after, size);
    for (const letter of page) if (isOfApp(letter, region, appId)) yield { id: letter.id, letter };
    after = page.at(-1)?.id;
    if (after === undefined || page.length < size) return;
  }
}

/** The key of a lane is its region, a colon and its app. */
function isOfApp({ lane }: DeadLetter, region: string | undefined, appId: string | undefined): boolean {
  return (region === undefined || lane.startsWith(`${region}:`)) && (appId === undefined || lane.endsWith(`:${appId}`));
}
