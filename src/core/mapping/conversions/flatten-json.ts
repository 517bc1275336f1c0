import { isEmptyJson, isJsonArray, setOwn, type Json, type MutableJsonObject } from '../../json/json.js';

/** Beyond any parsed event; keeps the recursion off the end of the stack for values that were made otherwise. */
const maxDepth = 1_000;

/**
 * Characters of all flat keys together: so many in any case, and so many more for each character of the value. A long key
 * is written once for each of the members below it; without a bound, 12 KB could become 4 MB.
 */
const freeCharacters = 262_144;
const charactersPerCharacter = 32;

/** What was written, and what it was written of. */
interface Growth {
  written: number;
  read: number;
}

/**
 * Flattens as rudder-transformer's `flattenJson` does: members joined by dots, elements as `[i]`, empty containers and
 * nulls kept as values, a scalar or an empty container at the root under the empty key. Used by the `rudderstack`
 * preset, whose output has to equal the peer's; the table it follows is in the tests.
 *
 * @returns `undefined` for a value whose flat keys would be far longer than the value itself.
 */
export function flattenJson(value: Json | undefined): MutableJsonObject | undefined {
  const out: MutableJsonObject = {};
  const growth: Growth = { written: 0, read: 0 };
  return value === undefined || add(out, '', value, 0, growth) ? out : undefined;
}

/** False when the keys have grown beyond the bound. */
function add(out: MutableJsonObject, key: string, value: Json, depth: number, growth: Growth): boolean {
  growth.read += typeof value === 'string' ? value.length + 3 : 2;
  if (typeof value !== 'object' || value === null || depth > maxDepth) return put(out, key, value, growth);
  if (isJsonArray(value)) {
    if (value.length === 0) return put(out, key, value, growth);
    return value.every((element, index) => add(out, `${key}[${index}]`, element, depth + 1, growth));
  }
  for (const [name, member] of Object.entries(value)) {
    growth.read += name.length + 3;
    if (!add(out, key === '' ? name : `${key}.${name}`, member, depth + 1, growth)) return false;
  }
  // An empty object at the root, or under an empty key, leaves nothing behind.
  return key === '' || !isEmptyJson(value) || put(out, key, value, growth);
}

function put(out: MutableJsonObject, key: string, value: Json, growth: Growth): boolean {
  growth.written += key.length;
  if (growth.written > freeCharacters + charactersPerCharacter * growth.read) return false;
  setOwn(out, key, value);
  return true;
}
