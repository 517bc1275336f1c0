import { isJsonArray, isJsonObject } from '../../core/json/json.js';
import { completeEvent } from '../segment/complete-event.js';
import { parseBody } from '../segment/parse-body.js';
import { readBatch, type ReadContext, type ReadEvents } from '../segment/read-batch.js';
import { readEvents } from '../segment/read-events.js';

/**
 * Reads what a CDP's webhook destination posts: one event in the common spec, an array of them, or `{"batch": [...]}`.
 * Each names its own `type`. No body at all is no events: CDPs try an address out like that.
 */
export function readWebhookEvents(text: string, context: ReadContext): ReadEvents {
  if (text.trim() === '') return { ok: true, events: [] };
  const result = parseBody(text);
  if (!result.ok) return result;
  const { body, duplicates } = result.parsed;
  if (isJsonArray(body)) return readBatch(body, {}, duplicates, context);
  if (!isJsonObject(body)) {
    return {
      ok: false,
      reason: 'batch_missing',
      message: 'expected an event, an array of them or {"batch": [event, …]}',
    };
  }
  if (isJsonArray(body.batch)) return readEvents(result.parsed, undefined, context);
  return { ok: true, events: [completeEvent(body, {}, duplicates.length > 0, context)] };
}
