import type { Adjustments } from '../../core/adjustments.js';
import {
  isEmptyJson,
  isJsonArray,
  setOwn,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from '../../core/json/json.js';
import { quoteIfPlain } from '../../core/json/quote.js';
import { jsonText, toText, truncateText } from '../../core/mapping/conversions/text.js';
import type { OperationKind } from './operation-kind.js';
import { plainText } from './plain-text.js';

/**
 * Heap's documented lengths (https://developers.heap.io/reference/track-1), in UTF-16 code units. Keys and values are
 * to be "fewer than 1024" there while Heap's own SDKs allow 1,024: 1,023 is right by both readings.
 */
const maxKeyLength = 1_023;
const maxValueLength = 1_023;

/** How Heap joins an array; the joined text counts against the value's length. */
const listSeparator = '||';

/** Heap reserves `id` in any casing among user properties; `user_id` is reserved by its client API, so not risked. */
const reservedUserKeys = new Set(['id', 'user_id']);

export interface PropertySettings {
  readonly booleans: 'string' | 'native';
}

interface PropertyRules extends PropertySettings {
  readonly isUser: boolean;
  /** Heap documents arrays for track alone; elsewhere the text is sent that it would store. */
  readonly hasLists: boolean;
  /** See `nameText`. */
  readonly names: Map<string, string>;
}

const rulesOf = {
  string: rulesByKind('string'),
  native: rulesByKind('native'),
};

function rulesByKind(booleans: PropertySettings['booleans']): Readonly<Record<OperationKind, PropertyRules>> {
  const writesOf = (isUser: boolean, hasLists: boolean): PropertyRules => ({
    booleans,
    isUser,
    hasLists,
    names: new Map(),
  });
  return {
    track: writesOf(false, true),
    identify: writesOf(false, true),
    addUserProperties: writesOf(true, false),
    addAccountProperties: writesOf(false, false),
  };
}

/**
 * The properties of one operation as the JSON text of a flat object within Heap's rules: text, numbers and, on track,
 * lists; lengths; no blank and no reserved keys; well-formed text without NUL. What it changes it notes.
 *
 * Written as text in one pass, because nearly all properties are right as they are: checking them and leaving them to
 * JSON.stringify took 1.8 + 3.1 µs for 20 properties, this takes 2.2 µs and another 1 to 1.5 µs when one string is made of
 * the pieces (Node 20.20). The first property that is not right sends the object down the careful path.
 */
export function propertiesText(
  kind: OperationKind,
  properties: JsonObject,
  { booleans }: PropertySettings,
  adjustments: Adjustments,
): string {
  const rules = rulesOf[booleans][kind];
  let text = '';
  for (const key in properties) {
    const name = nameText(key, rules);
    const value = valueText(properties[key] ?? null, rules);
    if (name === '' || value === '') return JSON.stringify(rebuild(properties, rules, adjustments));
    text += text === '' ? name + value : `,${name}${value}`;
  }
  return `{${text}}`;
}

/** Keys that are remembered; events with made-up keys must not fill the memory. */
const maxRememberedNames = 5_000;
const maxRememberedName = 256;

/** `"key":`, or `''` for a key that needs a closer look. */
function nameText(key: string, { names, isUser }: PropertyRules): string {
  const known = names.get(key);
  if (known !== undefined) return known;
  const text = isPlainKey(key, isUser) ? `${JSON.stringify(key)}:` : '';
  if (key.length > maxRememberedName) return text;
  if (names.size === maxRememberedNames) names.clear();
  names.set(key, text);
  return text;
}

function isPlainKey(key: string, isUser: boolean): boolean {
  if (key.length > maxKeyLength || key.includes('\0') || !key.isWellFormed() || key.trim() === '') return false;
  if (!isUser) return true;
  const plain = key.toLowerCase();
  return !reservedUserKeys.has(plain) && (plain !== 'email' || key === 'email');
}

/** The value's JSON text, or `''` for a value that needs a closer look. */
function valueText(value: Json, rules: PropertyRules): string {
  switch (typeof value) {
    case 'string':
      return value.length <= maxValueLength ? plainQuoted(value) : '';
    case 'number':
      return Number.isFinite(value) && !hasLostDigits(value) ? String(value) : '';
    case 'boolean':
      return rules.booleans === 'native' ? String(value) : `"${value}"`;
    default:
      return rules.hasLists && isJsonArray(value) ? listText(value, rules) : '';
  }
}

function plainQuoted(text: string): string {
  const plain = quoteIfPlain(text);
  if (plain !== undefined) return plain;
  return text.includes('\0') || !text.isWellFormed() ? '' : JSON.stringify(text);
}

function listText(list: readonly Json[], rules: PropertyRules): string {
  let text = '';
  let length = -listSeparator.length;
  for (const element of list) {
    const part = typeof element === 'object' ? '' : valueText(element, rules);
    if (part === '') return '';
    length += listSeparator.length + (toText(element) ?? '').length;
    text += text === '' ? part : `,${part}`;
  }
  return text === '' || length > maxValueLength ? '' : `[${text}]`;
}

function rebuild(properties: JsonObject, rules: PropertyRules, adjustments: Adjustments): MutableJsonObject {
  const out: MutableJsonObject = {};
  const emailName = rules.isUser ? emailNameOf(properties) : undefined;
  for (const [name, value] of Object.entries(properties)) {
    const key = keyWithinLimits(name, rules.isUser, adjustments);
    if (key === undefined) continue;
    if (key === 'email' && emailName !== undefined && name !== emailName) {
      adjustments.note('key_collision', key);
      continue;
    }
    const allowed = valueWithinLimits(key, value, rules, adjustments);
    if (allowed === undefined) continue;
    if (Object.hasOwn(out, key)) adjustments.note('key_collision', key);
    setOwn(out, key, allowed);
  }
  return out;
}

/**
 * Which of several casings of `email` is sent: the lower-case key alone feeds Heap's built-in Email property, so it wins
 * where it says something; else the last that does.
 */
function emailNameOf(properties: JsonObject): string | undefined {
  const names = Object.keys(properties).filter((name) => name.toLowerCase() === 'email');
  const telling = names.filter((name) => !isEmptyJson(properties[name] ?? ''));
  return telling.includes('email') ? 'email' : (telling.at(-1) ?? names.at(-1));
}

function keyWithinLimits(name: string, isUser: boolean, adjustments: Adjustments): string | undefined {
  const plainName = plainText(name, name, adjustments);
  const key = truncateText(plainName, maxKeyLength);
  if (key.trim() === '') {
    adjustments.note('blank_key_dropped', name);
    return undefined;
  }
  if (key !== plainName) adjustments.note('key_truncated', key);
  if (!isUser) return key;
  const plain = key.toLowerCase();
  if (reservedUserKeys.has(plain)) {
    adjustments.note('reserved_key_dropped', key);
    return undefined;
  }
  return plain === 'email' ? plain : key;
}

function valueWithinLimits(key: string, value: Json, rules: PropertyRules, adjustments: Adjustments): Json | undefined {
  switch (typeof value) {
    case 'string':
      return textWithinLimits(value, key, adjustments);
    case 'number':
      if (hasLostDigits(value)) adjustments.note('number_imprecise', key);
      if (Number.isFinite(value)) return value;
      adjustments.note('number_out_of_range', key);
      return undefined;
    case 'boolean':
      return rules.booleans === 'native' ? value : String(value);
    default:
      if (value === null) return undefined;
      return isJsonArray(value)
        ? listWithinLimits(key, value, rules, adjustments)
        : nestedWithinLimits(key, value, adjustments);
  }
}

/** An integer that a double can't hold exactly: an id written as a number, most likely. */
function hasLostDigits(value: number): boolean {
  return Math.abs(value) > Number.MAX_SAFE_INTEGER && Math.abs(value) < 1e21;
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
  rules: PropertyRules,
  adjustments: Adjustments,
): Json | undefined {
  if (list.some((element) => typeof element === 'object' && element !== null)) {
    return nestedWithinLimits(key, list, adjustments);
  }
  const out: Json[] = [];
  let length = -listSeparator.length;
  for (const element of list) {
    const allowed = valueWithinLimits(key, element, rules, adjustments);
    if (allowed === undefined) continue;
    length += listSeparator.length + (toText(allowed) ?? '').length;
    if (length > maxValueLength) {
      adjustments.note('value_truncated', key);
      break;
    }
    out.push(allowed);
  }
  if (out.length === 0) return undefined;
  return rules.hasLists ? out : out.map((element) => toText(element)).join(listSeparator);
}
