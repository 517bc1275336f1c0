import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../json/json.js';

export type PathReader = (source: JsonObject) => Json | undefined;

/**
 * Splits `a.b[0]['c.d']` into its keys.
 *
 * @returns the keys, or a sentence that says what is wrong.
 */
export function parsePath(path: string): readonly string[] | string {
  const keys: string[] = [];
  const step = /^(?:\.?([^.[\]]+)|\[(\d+)\]|\['([^']*)'\]|\["([^"]*)"\])/;
  let rest = path;
  while (rest.length > 0) {
    if (keys.length === 0 && rest.startsWith('.')) return `path "${path}" starts with a dot`;
    const match = step.exec(rest);
    if (match === null) return `path "${path}" can't be read at "${rest}"`;
    keys.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
    rest = rest.slice(match[0].length);
  }
  return keys.length === 0 ? 'the path is empty' : keys;
}

/** A reader for own members only: `constructor` or `__proto__` find what the event holds under that name, or nothing. */
export function compilePath(keys: readonly string[]): PathReader {
  const [first, second, ...rest] = keys;
  if (first === undefined) return () => undefined;
  if (second === undefined) return (source) => own(source, first);
  if (rest.length === 0) return (source) => own(own(source, first), second);
  return (source) => {
    let value = own(own(source, first), second);
    for (const key of rest) value = own(value, key);
    return value;
  };
}

function own(value: Json | undefined, key: string): Json | undefined {
  if (typeof value !== 'object' || value === null || !Object.hasOwn(value, key)) return undefined;
  return (value as JsonObject)[key];
}

/**
 * RudderStack's rich paths: every step descends into arrays, the non-null finds are collected, one find is itself and
 * several are an array. An array at the end of the path is one find.
 */
export function compileRichPath(keys: readonly string[]): PathReader {
  return (source) => {
    const finds = keys.reduce<readonly Json[]>((level, key) => level.flatMap((value) => step(value, key, 0)), [source]);
    return finds.length > 1 ? finds : finds[0];
  };
}

/** Deeper arrays are not looked into: the stack is finite. */
const maxArrayDepth = 100;

function step(value: Json, key: string, depth: number): readonly Json[] {
  if (isJsonArray(value)) {
    return depth === maxArrayDepth ? [] : value.flatMap((element) => step(element, key, depth + 1));
  }
  if (!isJsonObject(value)) return [];
  const member = own(value, key);
  // Wrapped, because flatMap would take an array at the leaf apart.
  return member === undefined || member === null ? [] : [member];
}
