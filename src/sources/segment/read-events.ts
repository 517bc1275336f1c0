import { randomUUID } from 'node:crypto';

import type { EventType } from '../../core/event/event.js';
import type { IncomingEvent } from '../../core/intake.js';
import { countMembers, findDuplicateKeys, type JsonPath } from '../../core/json/duplicate-keys.js';
import { inspectJson } from '../../core/json/inspect.js';
import { jsonText } from '../../core/mapping/conversions/text.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject, type MutableJsonObject } from '../../core/json/json.js';
import type { AdjustmentReason, RequestReason } from '../../core/reasons.js';

export type ReadEvents =
  | { readonly ok: true; readonly events: readonly IncomingEvent[] }
  | { readonly ok: false; readonly reason: RequestReason; readonly message: string };

export interface ReadContext {
  /** Milliseconds since the epoch at which the request arrived. */
  readonly receivedAt: number;
  /** Events that one request may hold; nothing is read of a longer one. */
  readonly maxEvents: number;
  /** Characters that the fields beside the batch may come to when every event has its own copy. */
  readonly maxSharedLength: number;
  readonly newId?: () => string;
}

/**
 * Reads the body of `POST /v1/{type}` (one event, whose type is the path's) or, without a type, of `POST /v1/batch`:
 * `{batch: [...], sentAt?, context?, integrations?}` whose fields beside `batch` hold for every event that does not say
 * otherwise, as in Segment's HTTP API. Each event gets `receivedAt`, and a `messageId` where it has none, which is noted:
 * the same event sent again would get another.
 *
 * An element that is no event is passed on as it is, to be rejected by itself.
 */
export function readEvents(text: string, type: EventType | undefined, context: ReadContext): ReadEvents {
  let body: Json;
  try {
    body = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text) as Json;
  } catch (error) {
    return { ok: false, reason: 'json_malformed', message: jsonErrorMessage(error) };
  }
  if (type !== undefined) return readOne(body, type, duplicatesIn(text, body), context);
  const batch = isJsonObject(body) ? body.batch : undefined;
  if (!isJsonObject(body) || !isJsonArray(batch)) {
    return { ok: false, reason: 'batch_missing', message: 'expected {"batch": [event, …]}' };
  }
  if (batch.length > context.maxEvents) {
    return { ok: false, reason: 'batch_too_long', message: `at most ${context.maxEvents} events in one request` };
  }
  const shared = (['context', 'integrations'] as const).reduce((sum, name) => sum + lengthOf(body[name]), 0);
  if (shared * batch.length > context.maxSharedLength) {
    const message = `the context beside the batch, once for each of its events, is over ${context.maxSharedLength} characters`;
    return { ok: false, reason: 'body_too_large', message };
  }
  const repeating = new Set(
    duplicatesIn(text, body)
      .filter(([first]) => first === 'batch')
      .map(([, index]) => index),
  );
  const events = batch.map((value, index) => incoming(value, body, repeating.has(index), context));
  return { ok: true, events };
}

function readOne(body: Json, type: EventType, duplicates: readonly JsonPath[], context: ReadContext): ReadEvents {
  if (!isJsonObject(body)) {
    return { ok: false, reason: 'batch_missing', message: 'expected one event, a JSON object' };
  }
  const event = incoming({ ...body, type }, {}, duplicates.length > 0, context);
  return { ok: true, events: [event] };
}

function incoming(value: Json, envelope: JsonObject, hasDuplicates: boolean, context: ReadContext): IncomingEvent {
  const hasNoId = isJsonObject(value) && (isAbsent(value.messageId) || value.messageId === '');
  const adjustments: readonly AdjustmentReason[] = [
    ...(hasDuplicates ? (['duplicate_key'] as const) : []),
    ...(hasNoId ? (['idempotency_key_missing'] as const) : []),
  ];
  const filled = isJsonObject(value) ? fill(value, envelope, context) : value;
  return adjustments.length === 0 ? { value: filled } : { value: filled, adjustments };
}

/** The event with what its request says about it. The event was parsed here, so it is filled in place. */
function fill(event: JsonObject, envelope: JsonObject, { receivedAt, newId = randomUUID }: ReadContext): JsonObject {
  const filled: MutableJsonObject = event;
  const { sentAt } = envelope;
  if (isAbsent(event.sentAt) && (typeof sentAt === 'string' || typeof sentAt === 'number')) filled.sentAt = sentAt;
  if (isAbsent(event.receivedAt)) filled.receivedAt = new Date(receivedAt).toISOString();
  if (isAbsent(event.messageId) || event.messageId === '') filled.messageId = newId();
  for (const shared of ['context', 'integrations'] as const) {
    const common = envelope[shared];
    if (!isJsonObject(common)) continue;
    const own = event[shared];
    if (isAbsent(own)) filled[shared] = common;
    else if (isJsonObject(own)) filled[shared] = { ...common, ...own };
  }
  return filled;
}

function lengthOf(value: Json | undefined): number {
  return isJsonObject(value) ? (jsonText(value)?.length ?? Number.POSITIVE_INFINITY) : 0;
}

function isAbsent(value: Json | undefined): boolean {
  return value === undefined || value === null;
}

function duplicatesIn(text: string, body: Json): readonly JsonPath[] {
  const { keys } = inspectJson(body, { maxKeys: Number.POSITIVE_INFINITY, maxDepth: 200 });
  return countMembers(text) === keys ? [] : findDuplicateKeys(text, 2);
}

/** V8 quotes the text around the fault, which may be personal data: only the place is kept. */
function jsonErrorMessage(error: unknown): string {
  const place = /position \d+/.exec(error instanceof Error ? error.message : '');
  return place === null ? 'the body is not JSON' : `the body is not JSON, at ${place[0]}`;
}
