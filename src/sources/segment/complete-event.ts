import { randomUUID } from 'node:crypto';

import type { IncomingEvent } from '../../core/intake.js';
import { isJsonObject, type Json, type JsonObject, type MutableJsonObject } from '../../core/json/json.js';
import type { AdjustmentReason } from '../../core/reasons.js';

export interface CompletionContext {
  /** Milliseconds since the epoch at which the request arrived. */
  readonly receivedAt: number;
  readonly newId?: () => string;
}

/**
 * An event with what its request says about it: `sentAt`, `context` and `integrations` of the envelope where it does not
 * say otherwise, `receivedAt`, and a `messageId` where it has none, which is noted: the same event sent again would get
 * another. What is no event is passed on as it is, to be rejected by itself.
 *
 * @param value parsed for this call: it is filled in place.
 * @param hasDuplicates whether a key stood twice in its text.
 */
export function completeEvent(
  value: Json,
  envelope: JsonObject,
  hasDuplicates: boolean,
  context: CompletionContext,
): IncomingEvent {
  const hasNoId = isJsonObject(value) && (isAbsent(value.messageId) || value.messageId === '');
  const adjustments: readonly AdjustmentReason[] = [
    ...(hasDuplicates ? (['duplicate_key'] as const) : []),
    ...(hasNoId ? (['idempotency_key_missing'] as const) : []),
  ];
  const filled = isJsonObject(value) ? fill(value, envelope, context) : value;
  return adjustments.length === 0 ? { value: filled } : { value: filled, adjustments };
}

function fill(
  event: JsonObject,
  envelope: JsonObject,
  { receivedAt, newId = randomUUID }: CompletionContext,
): JsonObject {
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

function isAbsent(value: Json | undefined): boolean {
  return value === undefined || value === null;
}
