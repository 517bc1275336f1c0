import { isEmptyJson, isJsonArray, setOwn, type Json, type MutableJsonObject } from '../../json/json.js';

/** Beyond any parsed event; keeps the recursion off the end of the stack for values that were made otherwise. */
const maxDepth = 1_000;

/**
 * Flattens as rudder-transformer's `flattenJson` does: members joined by dots, elements as `[i]`, empty containers and
 * nulls kept as values, a scalar or an empty container at the root under the empty key. Used by the `rudderstack`
 * preset, whose output has to equal the peer's; the table it follows is in test/__fixtures__/rudderstack.
 */
export function flattenJson(value: Json | undefined): MutableJsonObject {
  const out: MutableJsonObject = {};
  if (value !== undefined) add(out, '', value, 0);
  return out;
}

function add(out: MutableJsonObject, key: string, value: Json, depth: number): void {
  if (typeof value !== 'object' || value === null || depth > maxDepth) {
    setOwn(out, key, value);
    return;
  }
  if (isJsonArray(value)) {
    value.forEach((element, index) => {
      add(out, `${key}[${index}]`, element, depth + 1);
    });
    if (value.length === 0) setOwn(out, key, value);
    return;
  }
  for (const [name, member] of Object.entries(value)) {
    add(out, key === '' ? name : `${key}.${name}`, member, depth + 1);
  }
  // An empty object at the root, or under an empty key, leaves nothing behind.
  if (key !== '' && isEmptyJson(value)) setOwn(out, key, value);
}
