import type { IncomingEvent } from '../../core/intake.js';
import type { JsonPath } from '../../core/json/duplicate-keys.js';
import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { jsonText } from '../../core/mapping/conversions/text.js';
import type { RequestReason } from '../../core/reasons.js';
import { completeEvent, type CompletionContext } from './complete-event.js';

export interface ReadContext extends CompletionContext {
  /** Events that one request may hold; nothing is read of a longer one. */
  readonly maxEvents: number;
  /** Characters that the fields beside the batch may come to when every event has its own copy. */
  readonly maxSharedLength: number;
}

export type ReadEvents =
  | { readonly ok: true; readonly events: readonly IncomingEvent[] }
  | { readonly ok: false; readonly reason: RequestReason; readonly message: string };

/**
 * The events of a batch, each completed from the envelope around them.
 *
 * @param duplicates where in an element of the batch a key stands twice: paths that begin with the element's index.
 */
export function readBatch(
  batch: readonly Json[],
  envelope: JsonObject,
  duplicates: readonly JsonPath[],
  context: ReadContext,
): ReadEvents {
  if (batch.length > context.maxEvents) {
    return { ok: false, reason: 'batch_too_long', message: `at most ${context.maxEvents} events in one request` };
  }
  const shared = (['context', 'integrations'] as const).reduce((sum, name) => sum + lengthOf(envelope[name]), 0);
  if (shared * batch.length > context.maxSharedLength) {
    const message = `the context beside the batch, once for each of its events, is over ${context.maxSharedLength} characters`;
    return { ok: false, reason: 'body_too_large', message };
  }
  const repeating = new Set(duplicates.map(([index]) => index));
  return {
    ok: true,
    events: batch.map((value, index) => completeEvent(value, envelope, repeating.has(index), context)),
  };
}

function lengthOf(value: Json | undefined): number {
  return isJsonObject(value) ? (jsonText(value)?.length ?? Number.POSITIVE_INFINITY) : 0;
}
