import type { Adjustments } from '../../adjustments.js';
import { isEmptyJson, isJsonArray, setOwn, type Json, type MutableJsonObject } from '../../json/json.js';

/** Beyond any parsed event; keeps the recursion off the end of the stack for values that were made otherwise. */
const maxDepth = 1_000;

/**
 * Characters of all keys together, far beyond any real event: a long key with many members below it would be written out
 * once for each of them.
 */
const maxKeyCharacters = 4_000_000;

interface Budget {
  characters: number;
}

/**
 * Flattens as rudder-transformer's `flattenJson` does: members joined by dots, elements as `[i]`, empty containers and
 * nulls kept as values, a scalar or an empty container at the root under the empty key. Used by the `rudderstack`
 * preset, whose output has to equal the peer's; the table it follows is in the tests.
 */
export function flattenJson(value: Json | undefined, adjustments?: Adjustments): MutableJsonObject {
  const out: MutableJsonObject = {};
  const budget = { characters: maxKeyCharacters };
  if (value !== undefined) add(out, '', value, 0, budget);
  if (budget.characters < 0) adjustments?.note('value_truncated');
  return out;
}

function add(out: MutableJsonObject, key: string, value: Json, depth: number, budget: Budget): void {
  budget.characters -= key.length;
  if (budget.characters < 0) return;
  if (typeof value !== 'object' || value === null || depth > maxDepth) {
    setOwn(out, key, value);
    return;
  }
  if (isJsonArray(value)) {
    value.forEach((element, index) => {
      add(out, `${key}[${index}]`, element, depth + 1, budget);
    });
    if (value.length === 0) setOwn(out, key, value);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    add(out, key === '' ? name : `${key}.${name}`, member, depth + 1, budget);
  }
  // An empty object at the root, or under an empty key, leaves nothing behind.
  if (key !== '' && isEmptyJson(value)) setOwn(out, key, value);
}
