import { Adjustments } from '../../core/adjustments.js';
import type { Operation } from '../../core/batching/operation.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import { eventTime } from '../../core/event/event-time.js';
import { parseTime, toIsoUtc } from '../../core/event/parse-time.js';
import { isLongerThan } from '../../core/json/json-size.js';
import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { hashText } from '../../core/mapping/conversions/hash.js';
import type { AdjustmentReason, DropReason, RejectionReason } from '../../core/reasons.js';

export interface PrepareContext {
  readonly connection: CompiledConnection;
  /** Longest JSON text of one event, in characters. */
  readonly maxEventLength: number;
  /** Milliseconds since the epoch that events without any time get; without it they are rejected. */
  readonly timeIfMissing: number | undefined;
}

export interface Rejection {
  readonly type: 'rejected';
  readonly reason: RejectionReason | 'json_malformed';
  readonly detail: string;
}

/** An event of history that the mapping can make something of. */
export interface HistoryEvent {
  readonly type: 'event';
  readonly value: JsonObject;
  readonly operations: readonly Operation[];
  readonly adjustments: readonly AdjustmentReason[];
}

export type PreparedLine =
  { readonly type: 'blank' } | Rejection | { readonly type: 'dropped'; readonly reason: DropReason } | HistoryEvent;

/**
 * What a line becomes. Total, and the same for the same line of the same file however often it is read:
 *
 * - An event without a usable `messageId` gets one, made of the line and its number, so that the destination tells a
 *   repeat.
 * - `timestamp` is filled with the time that the event names otherwise. Whoever takes it in later fills `receivedAt` with
 *   that day, which would move an event of a device (`originalTimestamp` and `sentAt`) to that day too.
 * - An event that would be written with the day on which it arrives, because it names no time, is rejected.
 *
 * @param text undefined: the line is too long to be looked at.
 */
export function prepareLine(line: number, text: string | undefined, context: PrepareContext): PreparedLine {
  if (text === undefined) return tooLarge(context);
  if (text.trim() === '') return { type: 'blank' };
  let event: Json;
  try {
    event = JSON.parse(text) as Json;
  } catch {
    return { type: 'rejected', reason: 'json_malformed', detail: 'the line is not JSON' };
  }
  if (!isJsonObject(event)) {
    return { type: 'rejected', reason: 'event_not_object', detail: 'the line is not a JSON object' };
  }
  const id = (): string => `backfill-${line}-${hashText('sha256', text).slice(0, 32)}`;
  const time = timeOf(event);
  const timed = withTime(hasId(event) ? event : { ...event, messageId: id() }, time ?? context.timeIfMissing);
  const prepared = map(timed, context);
  if (prepared.type !== 'event') return prepared;
  if (time === undefined && context.timeIfMissing === undefined && prepared.operations.some(isTrack)) {
    return { type: 'rejected', reason: 'required_field_missing', detail: noTime };
  }
  // An id that the mapping passes over, such as "null", tells nobody a repeat.
  return prepared.adjustments.includes('idempotency_key_missing')
    ? map({ ...timed, messageId: id() }, context)
    : prepared;
}

const noTime =
  'the event names no time (timestamp, originalTimestamp, receivedAt, sentAt): it would count for the day on which it arrives';

function map(value: JsonObject, context: PrepareContext): PreparedLine {
  if (isLongerThan(value, context.maxEventLength)) return tooLarge(context);
  const result = context.connection.transform(value);
  switch (result.outcome) {
    case 'mapped':
      return { type: 'event', value, operations: result.operations, adjustments: result.adjustments.reasons() };
    case 'rejected':
      return { type: 'rejected', reason: result.reason, detail: result.detail };
    case 'dropped':
      return { type: 'dropped', reason: result.reason };
  }
}

function tooLarge({ maxEventLength }: PrepareContext): Rejection {
  return { type: 'rejected', reason: 'event_too_large', detail: `over ${maxEventLength} characters` };
}

function hasId({ messageId }: JsonObject): boolean {
  return (typeof messageId === 'string' && messageId.trim() !== '') || typeof messageId === 'number';
}

/** The event's time in milliseconds since the epoch; `sentAt` alone is the moment nearest to it that is known. */
function timeOf(event: JsonObject): number | undefined {
  return parseTime(eventTime(event, new Adjustments())) ?? parseTime(event.sentAt);
}

function withTime(event: JsonObject, time: number | undefined): JsonObject {
  return time === undefined || parseTime(event.timestamp) !== undefined
    ? event
    : { ...event, timestamp: toIsoUtc(time) };
}

/** Users, accounts and merges have no day that they count for. */
function isTrack({ kind }: Operation): boolean {
  return kind === 'track';
}
