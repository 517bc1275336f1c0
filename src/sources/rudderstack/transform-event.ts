import { isJsonObject, type Json } from '../../core/json/json.js';
import { reasons } from '../../core/reasons.js';
import type { TransformResult } from '../../core/transform-result.js';
import { withRetlTimestamp } from './retl-timestamp.js';
import type { RudderEvent } from './rudder-event.js';

/**
 * What an event becomes at its destination. Total: a fault of this service costs the event that met it and no other.
 *
 * @param onFault told about such a fault.
 */
export function transformEvent(event: RudderEvent, onFault: (error: unknown) => void): TransformResult {
  if (event.isBroken === true) return broken;
  if (event.destination === undefined) {
    return { outcome: 'rejected', reason: 'destination_missing', detail: reasons.destination_missing.summary };
  }
  try {
    return event.destination.transform(withRetlTimestamp(event.message ?? null));
  } catch (error) {
    onFault(error);
    return broken;
  }
}

const broken: TransformResult = {
  outcome: 'rejected',
  reason: 'internal_error',
  detail: reasons.internal_error.summary,
};

/** The type of an event as it is counted; whatever is none of the event spec is counted as "other" later. */
export function typeOf(message: Json | undefined): string {
  const type = isJsonObject(message) ? message.type : undefined;
  return typeof type === 'string' ? type.trim().toLowerCase() : '';
}
