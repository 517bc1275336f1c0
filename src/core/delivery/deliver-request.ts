import type { PlannedItem, PlannedRequest } from '../batching/plan-requests.js';
import type { Clock } from '../clock.js';
import type { RejectionReason } from '../reasons.js';
import { retryDelayMs, type BackOffPolicy } from './back-off.js';
import type { SendOutcome } from './reply.js';

/** What became of an item of a request. */
export type ItemOutcome =
  | { readonly type: 'delivered' }
  | { readonly type: 'rejected'; readonly reason: RejectionReason; readonly detail: string }
  /** The service stopped first; nobody may count it as done. */
  | { readonly type: 'abandoned' };

/** The port that everything above is written against, and that decorators wrap. */
export type Send<Entry> = (request: PlannedRequest<Entry>, signal: AbortSignal) => Promise<SendOutcome>;

/** The last word on a request: `retry` and `throttled` were waited out below. */
export type FinalOutcome =
  | Extract<SendOutcome, { type: 'delivered' | 'rejected' | 'tooLarge' }>
  | { readonly type: 'expired'; readonly detail: string }
  | { readonly type: 'abandoned' };

export interface RetryPolicy extends BackOffPolicy {
  /** Wait before a lane with a wrong setting is tried again. */
  readonly haltedMs: number;
}

/** Told about every wait, for logs, metrics and the lane's state. */
export type OnWait = (
  outcome: Exclude<SendOutcome, { type: 'delivered' | 'rejected' | 'tooLarge' }>,
  ms: number,
) => void;

/**
 * Sends until there is a last word: `retry` and `throttled` wait and try again, `halted` waits longer, until
 * `expiresAt` has passed or the signal is aborted. Only failures lengthen the back-off; being throttled does not.
 */
export async function sendUntilSettled<Entry>(
  send: Send<Entry>,
  request: PlannedRequest<Entry>,
  expiresAt: number,
  policy: RetryPolicy,
  environment: { readonly clock: Clock; readonly random: () => number; readonly onWait: OnWait },
  signal: AbortSignal,
): Promise<FinalOutcome> {
  const { clock, random, onWait } = environment;
  let failures = 0;
  let throttles = 0;
  for (;;) {
    if (signal.aborted) return { type: 'abandoned' };
    const outcome = await send(request, signal);
    if (outcome.type === 'delivered' || outcome.type === 'rejected' || outcome.type === 'tooLarge') return outcome;
    if (isAborted(signal)) return { type: 'abandoned' };
    if (clock.now() >= expiresAt) return { type: 'expired', detail: outcome.detail };
    const wait =
      outcome.type === 'halted'
        ? policy.haltedMs
        : retryDelayMs(policy, outcome.type === 'retry' ? failures++ : throttles++, outcome.afterMs, random());
    onWait(outcome, wait);
    await clock.sleep(wait, signal);
  }
}

/** A function, so that the compiler does not take an earlier look at the signal for a lasting one. */
function isAborted(signal: AbortSignal): boolean {
  return signal.aborted;
}

/** How a request that was refused as a whole is sent in smaller pieces. */
export interface Pieces<Entry> {
  readonly compose: (items: readonly PlannedItem<Entry>[]) => PlannedRequest<Entry>;
  /** The items that a merged one was made of. */
  readonly takeApart: (item: PlannedItem<Entry>) => readonly PlannedItem<Entry>[];
}

/**
 * Delivers a request and gives every item its outcome. A request that is refused as a whole is halved until the items
 * that are to blame stand alone: 400 finds the culprits by halving the items, 413 makes the pieces smaller. A single
 * item that several writes were merged into is taken apart, so that none is given up for another. Items keep their
 * order.
 *
 * @param settle sends a request until there is a last word on it.
 * @param isRefusal is the last word that something in the request is wrong?
 * @param known the last word on `request`, where it was sent already.
 */
export async function deliverRequest<Entry, Outcome>(
  request: PlannedRequest<Entry>,
  settle: (request: PlannedRequest<Entry>) => Promise<Outcome>,
  isRefusal: (outcome: Outcome) => boolean,
  pieces: Pieces<Entry>,
  onItem: (item: PlannedItem<Entry>, outcome: Outcome) => void,
  known?: Outcome,
): Promise<void> {
  const outcome = known ?? (await settle(request));
  if (isRefusal(outcome) && isDivisible(request)) {
    for (const part of partsOf(request, pieces)) {
      await deliverRequest(pieces.compose(part), settle, isRefusal, pieces, onItem);
    }
    return;
  }
  for (const item of request.items) onItem(item, outcome);
}

/** Something in the request is wrong, and with several items it is not known in which. */
export function isRefusal(outcome: FinalOutcome): boolean {
  return outcome.type === 'rejected' || outcome.type === 'tooLarge';
}

function isDivisible<Entry>({ items }: PlannedRequest<Entry>): boolean {
  return items.length > 1 || (items[0]?.entries.length ?? 0) > 1;
}

/** Two halves, or the writes of a single merged item. */
function partsOf<Entry>(
  request: PlannedRequest<Entry>,
  pieces: Pieces<Entry>,
): readonly (readonly PlannedItem<Entry>[])[] {
  const { items } = request;
  if (items.length === 1) return items.flatMap((item) => pieces.takeApart(item)).map((item) => [item]);
  const middle = Math.ceil(items.length / 2);
  return [items.slice(0, middle), items.slice(middle)];
}

/** What the last word on a request means for an item that stood alone in it, or was delivered with others. */
export function toItemOutcome(outcome: FinalOutcome): ItemOutcome {
  switch (outcome.type) {
    case 'delivered':
    case 'abandoned':
      return outcome;
    case 'rejected':
      return { type: 'rejected', reason: 'heap_rejected', detail: outcome.detail };
    case 'tooLarge':
      return { type: 'rejected', reason: 'heap_too_large', detail: outcome.detail };
    case 'expired':
      return { type: 'rejected', reason: 'expired', detail: outcome.detail };
  }
}
