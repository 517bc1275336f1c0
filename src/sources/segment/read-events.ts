import type { EventType } from '../../core/event/event.js';
import { isJsonArray, isJsonObject } from '../../core/json/json.js';
import { completeEvent } from './complete-event.js';
import type { ParsedBody } from './parse-body.js';
import { readBatch, type ReadContext, type ReadEvents } from './read-batch.js';

/**
 * Reads the body of `POST /v1/{type}` (one event, whose type is the path's) or, without a type, of `POST /v1/batch`:
 * `{batch: [...], sentAt?, context?, integrations?}` whose fields beside `batch` hold for every event that does not say
 * otherwise, as in Segment's HTTP API. See {@link completeEvent} for what an event is given.
 */
export function readEvents(
  { body, duplicates }: ParsedBody,
  type: EventType | undefined,
  context: ReadContext,
): ReadEvents {
  if (type !== undefined) {
    if (!isJsonObject(body)) {
      return { ok: false, reason: 'batch_missing', message: 'expected one event, a JSON object' };
    }
    return { ok: true, events: [completeEvent({ ...body, type }, {}, duplicates.length > 0, context)] };
  }
  if (!isJsonObject(body) || !isJsonArray(body.batch)) {
    return { ok: false, reason: 'batch_missing', message: 'expected {"batch": [event, …]}' };
  }
  const inBatch = duplicates.filter(([first]) => first === 'batch').map(([, ...rest]) => rest);
  return readBatch(body.batch, body, inBatch, context);
}
