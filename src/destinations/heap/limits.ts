import type { Adjustments } from '../../core/adjustments.js';
import {
  isEmptyJson,
  isJsonArray,
  isJsonObject,
  setOwn,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from '../../core/json/json.js';
import { jsonText, toText, truncateText } from '../../core/mapping/conversions/text.js';
import type { OperationKind } from './operation-kind.js';

/**
 * Heap's documented lengths (https://developers.heap.io/reference/track-1), in UTF-16 code units. Keys and values are
 * to be "fewer than 1024" there while Heap's own SDKs allow 1,024: 1,023 is right by both readings.
 */
export const maxEventNameLength = 1_024;
export const maxKeyLength = 1_023;
export const maxValueLength = 1_023;

/** How Heap joins an array; the joined text counts against the value's length. */
const listSeparator = '||';

/** Heap reserves `id` in any casing among user properties; `user_id` is reserved by its client API, so not risked. */
const reservedUserKeys = new Set(['id', 'user_id']);

/** `user_id`: longer keys need no look at their casing. */
const longestSpecialKey = 7;

export interface HeapLimits {
  readonly booleans: 'string' | 'native';
}

/**
 * Brings one operation within Heap's rules, whatever mapping made it: flat properties of text, numbers and lists,
 * their lengths, no reserved and no blank keys, well-formed text without NUL. What it changes it notes; what is right
 * already it returns as it is, the same object.
 */
export function withinLimits(
  kind: OperationKind,
  fields: JsonObject,
  limits: HeapLimits,
  adjustments: Adjustments,
): JsonObject {
  let out: MutableJsonObject | undefined;
  for (const key in fields) {
    const value = fields[key];
    if (value === undefined) continue;
    const allowed = fieldWithinLimits(kind, key, value, limits, adjustments);
    if (allowed !== value) {
      out ??= { ...fields };
      setOwn(out, key, allowed);
    }
  }
  return out ?? fields;
}

function fieldWithinLimits(
  kind: OperationKind,
  key: string,
  value: Json,
  limits: HeapLimits,
  adjustments: Adjustments,
): Json {
  if (key === 'properties') {
    return isJsonObject(value) ? propertiesWithinLimits(kind, value, limits, adjustments) : {};
  }
  if (typeof value !== 'string') return value;
  const text = plainText(value, key, adjustments);
  if (key !== 'event' || text.length <= maxEventNameLength) return text;
  adjustments.note('event_name_truncated', key);
  return truncateText(text, maxEventNameLength);
}

function propertiesWithinLimits(
  kind: OperationKind,
  properties: JsonObject,
  limits: HeapLimits,
  adjustments: Adjustments,
): JsonObject {
  const isUser = kind === 'addUserProperties';
  for (const key in properties) {
    const value = properties[key];
    if (value !== undefined && !(isPlainKey(key, isUser) && isPlainValue(value, limits))) {
      return rebuild(properties, isUser, limits, adjustments);
    }
  }
  return properties;
}

/** Nothing to do for this key? Decides for nearly every key, so it allocates nothing. */
function isPlainKey(key: string, isUser: boolean): boolean {
  if (key.length > maxKeyLength || key.includes('\0') || !key.isWellFormed()) return false;
  const first = key.charCodeAt(0);
  // Only a key that begins with white space can be blank; of '' the first code is NaN.
  if (!(first > 0x20 && first < 0xa0) && key.trim() === '') return false;
  return !isUser || key.length > longestSpecialKey || !isSpecialUserKey(key);
}

function isSpecialUserKey(key: string): boolean {
  const plain = key.toLowerCase();
  return reservedUserKeys.has(plain) || (plain === 'email' && key !== 'email');
}

function isPlainValue(value: Json, limits: HeapLimits): boolean {
  switch (typeof value) {
    case 'string':
      return value.length <= maxValueLength && !value.includes('\0') && value.isWellFormed();
    case 'number':
      return Number.isFinite(value);
    case 'boolean':
      return limits.booleans === 'native';
    default:
      return isJsonArray(value) && value.length > 0 && isPlainList(value, limits);
  }
}

function isPlainList(list: readonly Json[], limits: HeapLimits): boolean {
  let length = -listSeparator.length;
  for (const element of list) {
    if (typeof element === 'object' || !isPlainValue(element, limits)) return false;
    length += listSeparator.length + String(element).length;
  }
  return length <= maxValueLength;
}

function rebuild(
  properties: JsonObject,
  isUser: boolean,
  limits: HeapLimits,
  adjustments: Adjustments,
): MutableJsonObject {
  const out: MutableJsonObject = {};
  // The built-in Email property is fed by the lower-case key alone; where both are there, that one was meant.
  const hasEmail = isUser && Object.hasOwn(properties, 'email') && !isEmptyJson(properties.email ?? '');
  for (const [name, value] of Object.entries(properties)) {
    const key = keyWithinLimits(name, isUser, adjustments);
    if (key === undefined) continue;
    if (isUser && key === 'email' && name !== 'email' && hasEmail) {
      adjustments.note('key_collision', key);
      continue;
    }
    const allowed = valueWithinLimits(key, value, limits, adjustments);
    if (allowed === undefined) continue;
    if (Object.hasOwn(out, key)) adjustments.note('key_collision', key);
    setOwn(out, key, allowed);
  }
  return out;
}

function keyWithinLimits(name: string, isUser: boolean, adjustments: Adjustments): string | undefined {
  let key = plainText(name, name, adjustments);
  if (key.trim() === '') {
    adjustments.note('blank_key_dropped', name);
    return undefined;
  }
  if (key.length > maxKeyLength) {
    adjustments.note('key_truncated', key);
    key = truncateText(key, maxKeyLength);
  }
  if (!isUser) return key;
  const plain = key.toLowerCase();
  if (reservedUserKeys.has(plain)) {
    adjustments.note('reserved_key_dropped', key);
    return undefined;
  }
  return plain === 'email' ? plain : key;
}

function valueWithinLimits(key: string, value: Json, limits: HeapLimits, adjustments: Adjustments): Json | undefined {
  switch (typeof value) {
    case 'string':
      return textWithinLimits(value, key, adjustments);
    case 'number':
      if (Number.isFinite(value)) return value;
      adjustments.note('number_out_of_range', key);
      return undefined;
    case 'boolean':
      return limits.booleans === 'native' ? value : String(value);
    default:
      if (value === null) return undefined;
      return isJsonArray(value)
        ? listWithinLimits(key, value, limits, adjustments)
        : nestedWithinLimits(key, value, adjustments);
  }
}

function textWithinLimits(text: string, key: string, adjustments: Adjustments): string {
  const plain = plainText(text, key, adjustments);
  if (plain.length <= maxValueLength) return plain;
  adjustments.note('value_truncated', key);
  return truncateText(plain, maxValueLength);
}

/** Flattening leaves no nested values; a mapping without it may: they become their JSON text. */
function nestedWithinLimits(key: string, value: Json, adjustments: Adjustments): string | undefined {
  if (isEmptyJson(value)) return undefined;
  const text = jsonText(value);
  if (text === undefined) adjustments.note('value_too_deep', key);
  return text === undefined ? undefined : textWithinLimits(text, key, adjustments);
}

/** Heap cuts the joined text; whole elements are left out instead, so that no half element is stored. */
function listWithinLimits(
  key: string,
  list: readonly Json[],
  limits: HeapLimits,
  adjustments: Adjustments,
): Json | undefined {
  if (list.some((element) => typeof element === 'object' && element !== null)) {
    return nestedWithinLimits(key, list, adjustments);
  }
  const out: Json[] = [];
  let length = -listSeparator.length;
  for (const element of list) {
    const allowed = valueWithinLimits(key, element, limits, adjustments);
    if (allowed === undefined) continue;
    length += listSeparator.length + (toText(allowed) ?? '').length;
    if (length > maxValueLength) {
      adjustments.note('value_truncated', key);
      break;
    }
    out.push(allowed);
  }
  return out.length > 0 ? out : undefined;
}

/** Well-formed text without NUL: UTF-8 has no half surrogate pairs, and databases refuse NUL. */
function plainText(text: string, where: string, adjustments: Adjustments): string {
  let plain = text;
  if (!plain.isWellFormed()) {
    adjustments.note('surrogate_replaced', where.toWellFormed());
    plain = plain.toWellFormed();
  }
  if (plain.includes('\0')) {
    adjustments.note('nul_removed', where);
    plain = plain.replaceAll('\0', '');
  }
  return plain;
}
