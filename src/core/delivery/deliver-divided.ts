import type { PlannedItem, PlannedRequest } from '../batching/plan-requests.js';
import { CulpritSearch, type PieceVerdict } from './culprit-search.js';

/** How a request that was refused as a whole is sent in smaller pieces. */
export interface Pieces<Entry> {
  readonly compose: (items: readonly PlannedItem<Entry>[]) => PlannedRequest<Entry>;
  /** The items that a merged one was made of. */
  readonly takeApart: (item: PlannedItem<Entry>) => readonly PlannedItem<Entry>[];
}

/**
 * Sends a request and gives every item its outcome. A request that is refused as a whole is divided until what is to
 * blame stands alone (see `CulpritSearch`); a single item that several writes were merged into is taken apart, so that
 * none is given up for another. Pieces are sent one after the other, items in their order.
 *
 * @param send sends a request once and says how that ended for all of its items.
 * @param verdictOf what an outcome says of a piece; `unknown` is final for its items.
 * @param known the outcome of `request`, where it was sent already.
 */
export async function deliverDivided<Entry, Outcome>(
  request: PlannedRequest<Entry>,
  send: (request: PlannedRequest<Entry>) => Promise<Outcome>,
  verdictOf: (outcome: Outcome) => PieceVerdict,
  pieces: Pieces<Entry>,
  onItem: (item: PlannedItem<Entry>, outcome: Outcome) => void,
  known?: Outcome,
): Promise<void> {
  const settle = async (items: readonly PlannedItem<Entry>[], outcome: Outcome): Promise<void> => {
    const [item] = items;
    const isRefused = isRefusal(verdictOf(outcome));
    // Undecided: the search goes on with them.
    if (isRefused && items.length > 1) return;
    if (item === undefined || !isRefused || item.entries.length < 2) {
      for (const each of items) onItem(each, outcome);
      return;
    }
    for (const part of pieces.takeApart(item)) onItem(part, await send(pieces.compose([part])));
  };

  const outcome = known ?? (await send(request));
  await settle(request.items, outcome);
  const verdict = verdictOf(outcome);
  if (!isRefusal(verdict) || request.items.length < 2) return;
  const search = new CulpritSearch(request.items, verdict);
  for (let piece = search.next(); piece !== undefined; piece = search.next()) {
    const result = await send(pieces.compose(piece));
    await settle(piece, result);
    search.report(verdictOf(result));
  }
}

function isRefusal(verdict: PieceVerdict): verdict is 'refused' | 'tooLarge' {
  return verdict === 'refused' || verdict === 'tooLarge';
}
