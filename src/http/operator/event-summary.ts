import type { LoggedEvent } from '../../core/durable/delivery-log.js';
import type { Attempt } from '../../core/delivery/attempt.js';
import { isJsonObject, type Json } from '../../core/json/json.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import type { DeadLetter } from '../../core/store/dead-letter.js';

/**
 * What became of an event, as a sentence.
 *
 * @param letter its dead letter; undefined where it has none (any more), `none kept` where nobody keeps them.
 */
export function eventSummary(event: LoggedEvent, letter: DeadLetter | undefined | 'none kept'): string {
  const { outcome, lane, settledAt } = event;
  const at = settledAt === undefined ? '' : `, ${toIsoUtc(settledAt)}`;
  switch (outcome.type) {
    case 'delivered':
      return event.attemptsInAll === 0
        ? `nothing was left to deliver to Heap app ${appOf(lane)}${at}`
        : `delivered to Heap app ${appOf(lane)} in ${attemptsOf(event)}${at}`;
    case 'queued':
      return `waits in lane ${lane}: ${stateOf(event)}`;
    case 'deferred':
      return `waits in the store for lane ${lane}: ${outcome.detail}${at}`;
    case 'dropped':
      return `dropped (${outcome.reason}): ${withoutStop(outcome.detail)}${at}`;
    case 'rejected': {
      const why = `rejected (${outcome.reason}): ${withoutStop(outcome.detail)}${at}`;
      if (letter === 'none kept') return why;
      return `${why}: ${letter === undefined ? 'its dead letter is not there: not yet, or it was replayed or discarded' : howToReplay(letter)}`;
    }
  }
}

/** What a dead letter says of an event that the log does not know. */
export function letterSummary(letter: DeadLetter): string {
  const { reason, detail, rejectedAt } = letter;
  return `rejected (${reason}): ${withoutStop(detail)}, ${toIsoUtc(rejectedAt)}: ${howToReplay(letter)}`;
}

/** The type of a dead letter's event. */
export function letterType({ event }: DeadLetter): string {
  try {
    const value = JSON.parse(event) as Json;
    return isJsonObject(value) && typeof value.type === 'string' ? value.type : '';
  } catch {
    return '';
  }
}

function howToReplay({ id }: DeadLetter): string {
  return `it is a dead letter, replay it with: heap-destination dead-letters replay ${id}`;
}

/** The key of a lane is its region, a colon and its app. */
function appOf(lane: string): string {
  return lane.slice(lane.indexOf(':') + 1);
}

/** Operations of one kind are attempted again together; those of several kinds are requests of their own at any rate. */
function attemptsOf({ operations, attemptsInAll }: LoggedEvent): string {
  const isOneKind = operations.every(({ kind }) => kind === operations[0]?.kind);
  const what = isOneKind ? 'attempt' : 'request';
  return `${attemptsInAll} ${what}${attemptsInAll === 1 ? '' : 's'}`;
}

function stateOf(event: LoggedEvent): string {
  const last = event.attempts.at(-1);
  if (last === undefined) return 'not sent yet';
  return `${attemptText(last)}, ${toIsoUtc(last.at)}, after ${attemptsOf(event)}`;
}

function attemptText({ status, detail }: Attempt): string {
  const what =
    status === 'timeout' ? 'no answer in time' : status === 'network' ? 'no connection' : `HTTP ${String(status)}`;
  // The destination's words may begin with the status themselves.
  return detail === '' || detail.startsWith(what) ? detail || what : `${what} ${detail}`;
}

function withoutStop(text: string): string {
  return text.endsWith('.') ? text.slice(0, -1) : text;
}
