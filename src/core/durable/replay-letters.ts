import type { LaneTarget, Operation } from '../batching/operation.js';
import type { Json } from '../json/json.js';
import { reasons, type DropReason, type RejectionReason } from '../reasons.js';
import type { DeadLetter } from '../store/dead-letter.js';
import type { DeadLetters, Requeue } from '../store/store.js';
import type { TransformResult } from '../transform-result.js';
import { runLetters, type LetterRun } from './run-letters.js';
import type { LetterSelection, SelectedLetter } from './select-letters.js';
import { encodeStoredEvent, operationFingerprint } from './stored-event.js';

/** A connection as it is today. */
export interface ReplayConnection {
  readonly lane: LaneTarget;
  readonly transform: (event: Json) => TransformResult;
}

/**
 * What a replay does with a letter:
 *
 * - `replayed`: its event is back in the lane of its connection.
 * - `would_replay`: it would be; these operations are not delivered yet.
 * - `would_reject`, `would_drop`: today's mapping makes nothing of the event; the letter stays.
 * - `delivered_already`: all that today's mapping makes of it was delivered before; a real replay discards the letter.
 * - `gone`: replayed, discarded or forgotten meanwhile, or never there.
 * - `connection_missing`: there is no such connection any more; the letter stays.
 */
export type ReplayVerdict =
  | { readonly type: 'replayed' | 'delivered_already' | 'gone' | 'connection_missing' }
  | { readonly type: 'would_replay'; readonly operations: readonly Operation[] }
  | { readonly type: 'would_reject'; readonly reason: RejectionReason; readonly detail: string }
  | { readonly type: 'would_drop'; readonly reason: DropReason };

export interface ReplayOptions {
  readonly letters: DeadLetters;
  readonly connectionOf: (id: string) => ReplayConnection | undefined;
  /** Milliseconds since the epoch. */
  readonly now: () => number;
  /** Changes nothing: every letter that would be replayed is `would_replay`. */
  readonly dryRun: boolean;
  /** Letters that are looked at, at most. */
  readonly limit: number;
  /** Hears of each letter once, in the order of the selection but for letters that share a transaction. */
  readonly onVerdict: (id: string, verdict: ReplayVerdict, letter: DeadLetter | undefined) => void;
}

/**
 * Puts the events of letters back into their lanes, through today's mapping. A letter whose event could not be mapped
 * today would only come back, so it stays, and the verdict says why. Events keep their `messageId` and their times; their
 * age counts from now, so that they do not expire at once.
 *
 * A filter should have an `until`, or the replay may meet letters again that it put back and that were rejected anew.
 * A replay that stopped may be repeated: however often, a letter is put back once.
 */
export async function replayLetters(selection: LetterSelection, options: ReplayOptions): Promise<LetterRun> {
  return runLetters(selection, options.limit, options.letters, (page) => replayPage(page, options));
}

async function replayPage(page: readonly SelectedLetter[], options: ReplayOptions): Promise<void> {
  const { letters, now, dryRun, onVerdict } = options;
  const requeues: Requeue[] = [];
  const delivered: string[] = [];
  const verdicts = page.map(({ id, letter }): readonly [DeadLetter | undefined, string, ReplayVerdict] => {
    const connection = letter === undefined ? undefined : options.connectionOf(letter.connection);
    const verdict = judge(letter, connection);
    if (dryRun || letter === undefined || connection === undefined) return [letter, id, verdict];
    if (verdict.type === 'delivered_already') delivered.push(id);
    if (verdict.type !== 'would_replay') return [letter, id, verdict];
    const text = encodeStoredEvent(letter.event, letter.delivered);
    const chunk = { lane: connection.lane.key, connection: letter.connection, receivedAt: now(), events: [text] };
    requeues.push({ id, chunk });
    return [letter, id, { type: 'replayed' }];
  });
  const putBack = new Set(requeues.length === 0 ? [] : await letters.requeue(requeues));
  if (delivered.length > 0) await letters.remove(delivered);
  for (const [letter, id, verdict] of verdicts) {
    // Somebody else may have been faster.
    const isGone = verdict.type === 'replayed' && !putBack.has(id);
    onVerdict(id, isGone ? { type: 'gone' } : verdict, letter);
  }
}

/** What today's mapping makes of a letter's event. */
function judge(letter: DeadLetter | undefined, connection: ReplayConnection | undefined): ReplayVerdict {
  if (letter === undefined) return { type: 'gone' };
  if (connection === undefined) return { type: 'connection_missing' };
  const result = transformText(letter.event, connection.transform);
  switch (result.outcome) {
    case 'rejected':
      return { type: 'would_reject', reason: result.reason, detail: result.detail };
    case 'dropped':
      return { type: 'would_drop', reason: result.reason };
    case 'mapped': {
      const open =
        letter.delivered.length === 0
          ? result.operations
          : result.operations.filter((operation) => !letter.delivered.includes(operationFingerprint(operation)));
      return open.length === 0 ? { type: 'delivered_already' } : { type: 'would_replay', operations: open };
    }
  }
}

/** A fault of the service, or of the letter's text, costs this letter, not its neighbours. */
function transformText(text: string, transform: ReplayConnection['transform']): TransformResult {
  let event: Json;
  try {
    event = JSON.parse(text) as Json;
  } catch {
    return { outcome: 'rejected', reason: 'event_not_object', detail: 'the text of the event is not JSON' };
  }
  try {
    return transform(event);
  } catch {
    return { outcome: 'rejected', reason: 'internal_error', detail: reasons.internal_error.summary };
  }
}
