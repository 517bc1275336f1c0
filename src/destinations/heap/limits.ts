import type { Adjustments } from '../../core/adjustments.js';
import type { Json, JsonObject } from '../../core/json/json.js';
import { quoteIfPlain } from '../../core/json/quote.js';
import { truncateText } from '../../core/mapping/conversions/text.js';
import { plainText } from './plain-text.js';

/**
 * Heap's documented length of an event name (https://developers.heap.io/reference/track-1), in UTF-16 code units, the
 * unit in which Heap's own SDK counts.
 */
export const maxEventNameLength = 1_024;

/**
 * The item with these fields and these properties as JSON text: the event name within its length, text well-formed and
 * without NUL. What it changes it notes.
 */
export function itemText(fields: JsonObject, properties: string | undefined, adjustments: Adjustments): string {
  let text = '';
  for (const key in fields) {
    const value = fields[key];
    const member = key === 'properties' ? (properties ?? '{}') : fieldText(key, value, adjustments);
    if (member === undefined) continue;
    text += text === '' ? '{' : ',';
    text += (fieldNames.get(key) ?? `${JSON.stringify(key)}:`) + member;
  }
  return `${text}}`;
}

const fieldNames: ReadonlyMap<string, string> = new Map(
  ['identity', 'user_id', 'account_id', 'event', 'timestamp', 'idempotency_key', 'session_id', 'properties'].map(
    (name) => [name, `"${name}":`],
  ),
);

function fieldText(key: string, value: Json | undefined, adjustments: Adjustments): string | undefined {
  if (value === undefined) return undefined;
  if (typeof value !== 'string') return JSON.stringify(value);
  const isName = key === 'event';
  if (!isName || value.length <= maxEventNameLength) {
    const plain = quoteIfPlain(value);
    if (plain !== undefined) return plain;
  }
  const text = plainText(value, key, adjustments);
  return JSON.stringify(isName ? withinNameLength(text, adjustments) : text);
}

function withinNameLength(name: string, adjustments: Adjustments): string {
  if (name.length <= maxEventNameLength) return name;
  adjustments.note('event_name_truncated', 'event');
  return truncateText(name, maxEventNameLength);
}
