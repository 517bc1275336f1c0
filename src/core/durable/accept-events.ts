import { createHash } from 'node:crypto';

import type { EventResult, IncomingEvent } from '../intake.js';
import { isLongerThan } from '../json/json-size.js';
import { isJsonObject, type Json } from '../json/json.js';
import type { RejectionReason } from '../reasons.js';
import type { NewDeadLetter } from '../store/dead-letter.js';
import type { CompiledConnection } from '../compiled-connection.js';

export interface AcceptContext {
  /** Milliseconds since the epoch. */
  readonly now: number;
  /** Longest JSON text of one event, in characters. */
  readonly maxEventLength: number;
  /** Whether an event of this id was stored lately. */
  readonly isKnown: (id: string) => boolean;
}

/** What is to be stored of one request. */
export interface Acceptance {
  /** In the order of the events of the request. */
  readonly results: readonly EventResult[];
  /** Those to be stored: the values, their texts, and their ids (empty where there is none). */
  readonly values: readonly Json[];
  readonly texts: readonly string[];
  readonly ids: readonly string[];
  readonly letters: readonly NewDeadLetter[];
  /** Events that were left out because they are known. */
  readonly repeats: number;
}

/**
 * What to store of the events of one request: events that no mapping can make anything of become dead letters, repeats
 * are left out, the rest is to be stored. One event never changes what becomes of another, unless it is the same.
 */
export function acceptEvents(
  events: readonly IncomingEvent[],
  connection: CompiledConnection,
  { now, maxEventLength, isKnown }: AcceptContext,
): Acceptance {
  const values: Json[] = [];
  const texts: string[] = [];
  const ids: string[] = [];
  const letters: NewDeadLetter[] = [];
  const own = new Set<string>();
  let repeats = 0;
  const results = events.map(({ value, adjustments = [] }): EventResult => {
    const messageId = messageIdOf(value);
    const base = {
      ...(messageId === '' ? {} : { messageId: messageId.slice(0, maxShownId) }),
      ...(adjustments.length === 0 ? {} : { adjustments }),
    };
    const fault = isLongerThan(value, maxEventLength)
      ? ({ reason: 'event_too_large', detail: `over ${maxEventLength} characters` } as const)
      : connection.check(value);
    if (fault !== undefined) {
      letters.push(letterOf(value, fault, connection, now));
      return { ...base, outcome: 'rejected', reason: fault.reason, message: fault.detail };
    }
    const key = connection.eventKey(value);
    const id = key === '' ? '' : `${connection.id} ${key}`;
    if (id !== '' && (isKnown(id) || own.has(id))) {
      repeats += 1;
    } else {
      own.add(id);
      values.push(value);
      texts.push(JSON.stringify(value));
      ids.push(id);
    }
    return { ...base, outcome: 'accepted' };
  });
  return { results, values, texts, ids, letters, repeats };
}

const maxShownId = 200;
export function messageIdOf(event: Json): string {
  if (!isJsonObject(event)) return '';
  const { messageId } = event;
  return typeof messageId === 'string' || typeof messageId === 'number' ? String(messageId) : '';
}

function letterOf(
  value: Json,
  { reason, detail }: { readonly reason: RejectionReason; readonly detail: string },
  connection: CompiledConnection,
  now: number,
): NewDeadLetter {
  const event = JSON.stringify(value);
  const key = connection.eventKey(value);
  const { id, lane } = connection;
  return {
    lane: lane.key,
    connection: id,
    receivedAt: now,
    rejectedAt: now,
    reason,
    detail,
    attempts: 0,
    messageId: messageIdOf(value),
    event,
    delivered: [],
    // What a sender repeats is the same letter, where it can be told.
    origin: `${lane.key}/door/${digest(`${id} ${key === '' ? event : key}`)}`,
  };
}

function digest(text: string): string {
  return createHash('sha256').update(text).digest('hex').slice(0, 32);
}
