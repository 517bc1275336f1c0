import type { Adjustments } from '../adjustments.js';
import type { JsonObject } from '../json/json.js';
import { inRange, isIsoUtc, parseTime, toIsoUtc } from './parse-time.js';

/**
 * When the event happened, as ISO 8601 in UTC with milliseconds, or `undefined` if it does not say.
 *
 * 1. `timestamp`: whoever set it (the caller, or a CDP that corrected the clock already) meant it.
 * 2. `originalTimestamp` is the device's clock. With `sentAt` (same clock) and `receivedAt` (ours, or the CDP's) the
 *    device's error cancels out: `receivedAt - (sentAt - originalTimestamp)`, which is the formula Segment and
 *    RudderStack document for their own servers. RudderStack's SDKs send no `timestamp` and rely on it.
 * 3. `receivedAt`.
 *
 * An unreadable time is noted and passed over for the next best.
 */
export function eventTime(event: JsonObject, adjustments: Adjustments): string | undefined {
  const { timestamp } = event;
  if (typeof timestamp === 'string' && isIsoUtc(timestamp)) return timestamp;
  const time = eventTimeMs(event, adjustments);
  return time === undefined ? undefined : toIsoUtc(time);
}

function eventTimeMs(event: JsonObject, adjustments: Adjustments): number | undefined {
  const timestamp = read(event, 'timestamp', adjustments);
  if (timestamp !== undefined) return timestamp;

  const receivedAt = read(event, 'receivedAt', adjustments);
  const originalTimestamp = read(event, 'originalTimestamp', adjustments);
  if (originalTimestamp === undefined) return receivedAt;

  const sentAt = read(event, 'sentAt', adjustments);
  if (sentAt === undefined || receivedAt === undefined) return originalTimestamp;
  return inRange(receivedAt - (sentAt - originalTimestamp)) ?? originalTimestamp;
}

type TimeField = 'timestamp' | 'originalTimestamp' | 'sentAt' | 'receivedAt';

function read(event: JsonObject, field: TimeField, adjustments: Adjustments): number | undefined {
  const value = event[field];
  if (value === undefined || value === null || value === '') return undefined;
  const time = parseTime(value);
  if (time === undefined) adjustments.note('timestamp_invalid', field);
  return time;
}
