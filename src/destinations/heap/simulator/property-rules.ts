import { isGiven, isJsonObject } from './json-object.js';
import { Problem } from './problem.js';

/** Properties as the simulator keeps them. */
export type StoredProperties = Readonly<Record<string, string | number>>;

/**
 * The pages say "fewer than 1024 characters", Heap's own SDKs and Looker action send 1024
 * (https://github.com/heap/heap-node/blob/master/lib/validations.js): 1024 is accepted. Characters are UTF-16 units,
 * as in Heap's Swift SDK.
 */
export const maxPropertyLength = 1024;

const none: StoredProperties = Object.freeze({});
const shownKeyLength = 60;

/**
 * Checks a `properties` object and returns what Heap keeps of it. Strings and numbers are documented. An array is
 * joined by `||` and cut at 1024 (https://developers.heap.io/reference/track-1; the same is assumed for user and
 * account properties). Booleans and nulls are undocumented but arrive in production: kept as text, and ignored.
 * An over-long string is refused, since "must" is all that Heap says about it.
 */
export function readProperties(value: unknown, field: string): StoredProperties | Problem {
  if (!isGiven(value)) return none;
  if (!isJsonObject(value)) return new Problem(field, 'must be an object');
  const keys = Object.keys(value);
  let plain = true;
  for (const key of keys) {
    const problem = propertyProblem(key, value[key]);
    if (problem !== undefined) return new Problem(`${field}[${shownKey(key)}]`, problem);
    plain &&= typeof value[key] === 'string' || typeof value[key] === 'number';
  }
  // The usual case needs no copy, which keeps bulk requests cheap.
  if (plain) return value as StoredProperties;
  const stored = Object.create(null) as Record<string, string | number>;
  for (const key of keys) {
    const kept = storedValue(value[key]);
    if (kept !== undefined) stored[key] = kept;
  }
  return stored;
}

/** As {@link readProperties}, for the integrations endpoint's track, which takes strings only. */
export function readStringProperties(value: unknown, field: string): StoredProperties | Problem {
  if (isJsonObject(value)) {
    const key = Object.keys(value).find((name) => typeof value[name] !== 'string');
    if (key !== undefined) return new Problem(`${field}[${shownKey(key)}]`, 'must be a string');
  }
  return readProperties(value, field);
}

/** `id` in any casing is reserved among user properties (https://developers.heap.io/reference/add-user-properties). */
export function isReservedUserProperty(key: string): boolean {
  return key.length === 2 && key.toLowerCase() === 'id';
}

function propertyProblem(key: string, value: unknown): string | undefined {
  if (key.length > maxPropertyLength) return `its key must have at most ${maxPropertyLength} characters`;
  if (typeof value === 'string') {
    return value.length > maxPropertyLength ? `must have at most ${maxPropertyLength} characters` : undefined;
  }
  // 1e999 is valid JSON and parses to Infinity.
  if (typeof value === 'number') return Number.isFinite(value) ? undefined : 'must be a finite number';
  if (Array.isArray(value)) return value.every(isScalar) ? undefined : 'must be an array of strings and numbers';
  return typeof value === 'boolean' || value === null ? undefined : 'must be a string, a number or an array of these';
}

function isScalar(value: unknown): boolean {
  return typeof value === 'number' ? Number.isFinite(value) : typeof value !== 'object' || value === null;
}

function storedValue(value: unknown): string | number | undefined {
  if (typeof value === 'string' || typeof value === 'number') return value;
  if (Array.isArray(value)) return value.filter(isGiven).map(String).join('||').slice(0, maxPropertyLength);
  return typeof value === 'boolean' ? String(value) : undefined;
}

function shownKey(key: string): string {
  return JSON.stringify(key.length > shownKeyLength ? `${key.slice(0, shownKeyLength)}…` : key);
}
