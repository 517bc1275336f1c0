import type { Json, JsonObject } from '../json/json.js';

/** The event types of the CDP event spec. */
export const eventTypes = ['track', 'identify', 'page', 'screen', 'group', 'alias'] as const;

export type EventType = (typeof eventTypes)[number];

/** An id as CDPs send it: mostly a string, sometimes a number (database keys), often `null` (browser SDKs). */
export type EventId = string | number | null;

/**
 * One message in the CDP event spec, after `parseEvent` has checked it: the very object that was sent, with the fields
 * below known to have these types. Other fields may be there and hold any JSON.
 */
export interface Event extends JsonObject {
  readonly type: EventType;
  readonly messageId?: EventId;
  readonly userId?: EventId;
  readonly anonymousId?: EventId;
  readonly previousId?: EventId;
  readonly groupId?: EventId;
  readonly event?: string | number | null;
  readonly name?: string | number | null;
  readonly category?: string | number | null;
  readonly properties?: JsonObject | null;
  readonly traits?: JsonObject | null;
  readonly context?: JsonObject | null;
  readonly timestamp?: string | number | null;
  readonly originalTimestamp?: string | number | null;
  readonly sentAt?: string | number | null;
  readonly receivedAt?: string | number | null;
}

export function isEventType(value: Json | undefined): value is EventType {
  return (eventTypes as readonly unknown[]).includes(value);
}
