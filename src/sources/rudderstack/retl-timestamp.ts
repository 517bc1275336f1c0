import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';

/**
 * The time of an event from a warehouse (`channel: "sources"`), where `timestamp` says when the row was read: the first
 * valid of the row's own columns and the event's fields takes its place. Rows that were mapped to the destination's own
 * fields (`context.mappedToDestination`) are left as they are.
 */
export function withRetlTimestamp(message: Json): Json {
  if (!isJsonObject(message) || message.channel !== 'sources') return message;
  const context = message.context;
  if (isJsonObject(context) && context.mappedToDestination) return message;
  const type = typeof message.type === 'string' ? message.type.trim().toLowerCase() : '';
  const candidates = [...(rowTimes.get(type)?.(message) ?? []), message.timestamp, message.originalTimestamp];
  return { ...message, timestamp: candidates.find(isValid) ?? null };
}

const rowTimes: ReadonlyMap<string, (message: JsonObject) => readonly (Json | undefined)[]> = new Map([
  ['track', ({ properties }: JsonObject) => [memberOf(properties, 'timestamp')]],
  [
    'identify',
    ({ traits, context }: JsonObject) => [
      memberOf(isJsonObject(context) ? context.traits : undefined, 'timestamp'),
      memberOf(context, 'timestamp'),
      memberOf(traits, 'timestamp'),
    ],
  ],
]);

function memberOf(value: Json | undefined, key: string): Json | undefined {
  return isJsonObject(value) && Object.hasOwn(value, key) ? value[key] : undefined;
}

/** As the peer's: anything truthy, and 0 and false. */
function isValid(value: Json | undefined): value is Json {
  return Boolean(value) || value === 0 || value === false;
}
