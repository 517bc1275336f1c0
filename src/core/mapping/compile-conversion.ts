import type { Adjustments } from '../adjustments.js';
import { parseTime, toIsoUtc } from '../event/parse-time.js';
import { isJsonObject, setOwn, type Json, type JsonObject, type MutableJsonObject } from '../json/json.js';
import { compileFlatten } from './conversions/flatten.js';
import { flattenJson } from './conversions/flatten-json.js';
import { hashText } from './conversions/hash.js';
import { toNumber } from './conversions/number.js';
import { toText, truncateText } from './conversions/text.js';
import type { Conversion, FlattenOptions } from './mapping.js';
import { MappingFault } from './mapping-fault.js';

/**
 * Turns a value into another; `undefined` takes it out of the operation, a fault refuses the event. Total and pure, but
 * for the notes.
 */
export type CompiledConversion = (value: Json, adjustments: Adjustments) => Json | undefined | MappingFault;

/**
 * Compiles one conversion. `flatten` is what the mapping leaves open: the connection's way to flatten.
 *
 * Where a value has a type that the conversion has no answer for, it is left out with `conversion_failed`, except that
 * text conversions (trim, toLower, truncate) leave what is not text as it is.
 */
export function compileConversion(conversion: Conversion, flatten: FlattenOptions): CompiledConversion {
  if (typeof conversion === 'string') return compileNamed(conversion, flatten);
  if ('truncate' in conversion) return onText((text) => truncateText(text, conversion.truncate));
  if ('hash' in conversion) return viaText((text) => hashText(conversion.hash, text));
  if ('lookup' in conversion) return compileLookup(conversion.lookup, conversion.otherwise);
  if ('flatten' in conversion) return onObject(compileFlatten({ ...flatten, ...conversion.flatten }));
  if ('rename' in conversion) return compileRename(conversion.rename);
  return compileExclude(conversion.exclude);
}

function compileNamed(name: Extract<Conversion, string>, flatten: FlattenOptions): CompiledConversion {
  switch (name) {
    case 'toString':
      return viaText((text) => text);
    case 'toNumber':
      return (value, adjustments) => orFailed(toNumber(value), value, name, adjustments);
    case 'trim':
      return onText((text) => text.trim());
    case 'toLower':
      return onText((text) => text.toLowerCase());
    case 'timestamp':
      return (value, adjustments) => {
        const time = parseTime(value);
        return orFailed(time === undefined ? undefined : toIsoUtc(time), value, name, adjustments);
      };
    case 'flatten':
      return onObject(compileFlatten(flatten));
    case 'flattenJson':
      return (value) => flattenJson(value) ?? new MappingFault('properties_too_large');
    case 'dropNulls':
      return onObject((object) => filterKeys(object, (_key, value) => value !== null));
  }
}

function orFailed(converted: Json | undefined, value: Json, name: string, adjustments: Adjustments): Json | undefined {
  if (converted === undefined && value !== null) adjustments.note('conversion_failed', name);
  return converted;
}

function onText(convert: (text: string) => string): CompiledConversion {
  return (value) => (typeof value === 'string' ? convert(value) : value);
}

function viaText(convert: (text: string) => string): CompiledConversion {
  return (value, adjustments) => {
    const text = toText(value);
    return orFailed(text === undefined ? undefined : convert(text), value, 'toString', adjustments);
  };
}

/** Objects only; any other value is left out with a note, null without one. */
function onObject(convert: (object: JsonObject, adjustments: Adjustments) => Json): CompiledConversion {
  return (value, adjustments) =>
    orFailed(isJsonObject(value) ? convert(value, adjustments) : undefined, value, 'object', adjustments);
}

/** Scalars are looked up by their text. Without `otherwise`, what the table does not have stays as it is. */
function compileLookup(table: Readonly<Record<string, Json>>, otherwise: Json | undefined): CompiledConversion {
  const entries = new Map(Object.entries(table));
  return (value) => {
    const key = typeof value === 'object' ? undefined : String(value);
    if (key !== undefined && entries.has(key)) return entries.get(key);
    return otherwise === undefined ? value : otherwise;
  };
}

/** New names for members of an object, at its top level. A member renamed onto another is noted as a collision. */
function compileRename(names: Readonly<Record<string, string>>): CompiledConversion {
  const renamed = new Map(Object.entries(names));
  return onObject((object, adjustments) => {
    const out: MutableJsonObject = {};
    for (const [key, value] of Object.entries(object)) {
      const name = renamed.get(key) ?? key;
      if (Object.hasOwn(out, name)) adjustments.note('key_collision', name);
      setOwn(out, name, value);
    }
    return out;
  });
}

/** Leaves members of an object out, at its top level: exact keys, or `prefix*`. */
function compileExclude(patterns: readonly string[]): CompiledConversion {
  const exact = new Set(patterns.filter((pattern) => !pattern.endsWith('*')));
  const prefixes = patterns.filter((pattern) => pattern.endsWith('*')).map((pattern) => pattern.slice(0, -1));
  const isExcluded = (key: string): boolean => exact.has(key) || prefixes.some((prefix) => key.startsWith(prefix));
  return onObject((object) => {
    for (const key in object) if (isExcluded(key)) return filterKeys(object, (name) => !isExcluded(name));
    return object;
  });
}

function filterKeys(object: JsonObject, keep: (key: string, value: Json) => boolean): MutableJsonObject {
  const out: MutableJsonObject = {};
  for (const [key, value] of Object.entries(object)) if (keep(key, value)) setOwn(out, key, value);
  return out;
}
