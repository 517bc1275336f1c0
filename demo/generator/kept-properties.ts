import type { KeptProperties } from '../heap-facts.js';
import { isJsonObject, type Json, type JsonObject } from '../json.js';

/** Heap takes texts of fewer than 1,024 characters (https://developers.heap.io/reference/track-1). */
const longestText = 1023;

/**
 * What Heap ends up with for the properties of an event, by the documented mapping: members of objects are named with
 * dots, booleans are text, lists of scalars are joined by Heap itself with `||`, lists of objects are JSON text, what
 * is null or empty is not there, and long text is cut.
 */
export function keptProperties(properties: JsonObject): KeptProperties {
  const kept: Record<string, string | number> = {};
  keep(kept, '', properties);
  return kept;
}

/** The same for traits, which become user properties: Heap's own Email property is spelled in lower case. */
export function keptTraits(traits: JsonObject): KeptProperties {
  const kept = Object.entries(keptProperties(traits));
  return Object.fromEntries(kept.map(([key, value]) => [key.toLowerCase() === 'email' ? 'email' : key, value]));
}

function keep(kept: Record<string, string | number>, name: string, value: Json): void {
  if (value === null) return;
  if (typeof value === 'number') kept[name] = value;
  else if (typeof value === 'string') kept[name] = value.slice(0, longestText);
  else if (typeof value === 'boolean') kept[name] = String(value);
  else if (isJsonObject(value)) {
    for (const [key, member] of Object.entries(value)) keep(kept, name === '' ? key : `${name}.${key}`, member);
  } else keepList(kept, name, value);
}

function keepList(kept: Record<string, string | number>, name: string, list: readonly Json[]): void {
  const items = list.filter((item) => item !== null);
  if (items.length === 0) return;
  kept[name] = items.some((item) => typeof item === 'object') ? JSON.stringify(list) : items.map(String).join('||');
}
