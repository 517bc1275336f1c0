import type { Adjustments } from '../../adjustments.js';
import {
  isJsonArray,
  isJsonObject,
  setOwn,
  type Json,
  type JsonObject,
  type MutableJsonObject,
} from '../../json/json.js';
import type { FlattenOptions } from '../mapping.js';
import { jsonText, toText } from './text.js';

export const defaultFlattenOptions: FlattenOptions = { objects: 'dot', arrays: 'list', joinWith: ', ' };

/** Deeper than any event that passed the shape limits; a bound for values that did not come that way. */
const maxDepth = 100;

/**
 * A function from an object to a flat object: members are scalars, or arrays of scalars under `arrays: 'list'`. Nulls,
 * empty objects and empty arrays vanish (Heap stores none of them). Where two members come to the same key the last
 * one stays, at the place of the first, and it is noted. Never changes its input; of a value that is flat already it
 * gives an equal one.
 */
export function compileFlatten(
  options: FlattenOptions,
): (value: JsonObject, adjustments: Adjustments) => MutableJsonObject {
  const { objects, arrays, joinWith } = options;
  const isBracket = objects === 'bracket';
  const keyOf = (prefix: string, key: string | number): string => {
    if (prefix === '') return String(key);
    return isBracket ? `${prefix}[${key}]` : `${prefix}.${key}`;
  };

  const put = (out: MutableJsonObject, key: string, value: Json, adjustments: Adjustments): void => {
    if (Object.hasOwn(out, key)) adjustments.note('key_collision', key);
    setOwn(out, key, value);
  };

  const putText = (out: MutableJsonObject, key: string, text: string | undefined, adjustments: Adjustments): void => {
    if (text === undefined) adjustments.note('value_too_deep', key);
    else put(out, key, text, adjustments);
  };

  const addArray = (
    out: MutableJsonObject,
    key: string,
    array: readonly Json[],
    depth: number,
    adjustments: Adjustments,
  ): void => {
    if (array.length === 0 || arrays === 'drop') return;
    switch (arrays) {
      case 'list': {
        if (array.some((element) => typeof element === 'object' && element !== null)) {
          putText(out, key, jsonText(array), adjustments);
          return;
        }
        const list = array.includes(null) ? array.filter((element) => element !== null) : array;
        if (list.length > 0) put(out, key, list, adjustments);
        return;
      }
      case 'index':
        array.forEach((element, index) => {
          addValue(out, keyOf(key, index), element, depth + 1, adjustments);
        });
        return;
      case 'join': {
        const texts = array.filter((element) => element !== null).map((element) => toText(element) ?? '');
        if (texts.length > 0) put(out, key, texts.join(joinWith), adjustments);
        return;
      }
      case 'stringify':
        putText(out, key, jsonText(array), adjustments);
    }
  };

  const addObject = (
    out: MutableJsonObject,
    prefix: string,
    object: JsonObject,
    depth: number,
    adjustments: Adjustments,
  ): void => {
    for (const key in object) {
      const value = object[key];
      if (value !== undefined) addValue(out, keyOf(prefix, key), value, depth + 1, adjustments);
    }
  };

  const addValue = (
    out: MutableJsonObject,
    key: string,
    value: Json,
    depth: number,
    adjustments: Adjustments,
  ): void => {
    if (value === null) return;
    if (typeof value !== 'object') {
      put(out, key, value, adjustments);
    } else if (depth > maxDepth) {
      adjustments.note('value_too_deep', key);
    } else if (isJsonArray(value)) {
      addArray(out, key, value, depth, adjustments);
    } else if (objects === 'stringify') {
      putText(out, key, jsonText(value), adjustments);
    } else if (isJsonObject(value) && objects !== 'drop') {
      addObject(out, key, value, depth, adjustments);
    }
  };

  return (value, adjustments) => {
    const out: MutableJsonObject = {};
    addObject(out, '', value, 0, adjustments);
    return out;
  };
}
