import { isJsonArray, isJsonObject, type Json } from './json.js';

/** Deeper arrays are left out: the stack is finite. */
const maxDepth = 100;

/**
 * A value as JavaScript joins it to a string: `1,2` of an array, `[object Object]` of an object. What RudderStack's own
 * texts and ids are made with, so it is needed where they are to be the same.
 */
export function scriptText(value: Json, depth = 0): string {
  if (!isJsonArray(value)) return isJsonObject(value) ? '[object Object]' : String(value);
  if (depth > maxDepth) return '';
  return value.map((element) => (element === null ? '' : scriptText(element, depth + 1))).join(',');
}
