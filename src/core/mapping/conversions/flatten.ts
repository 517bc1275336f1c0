import type { Adjustments } from '../../adjustments.js';
import {
  isEmptyJson,
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

/** Elements of one array that become properties of their own under `arrays: 'index'`. */
const maxIndexed = 1_000;

/** A key of the flat object, and the keys that begin with it. */
interface FlatKey {
  readonly text: string;
  readonly children: Map<string, FlatKey>;
}

/** Longest flat key that is made, and longest that is remembered. */
const maxKeyText = 4_096;
const maxRememberedName = 256;

/** Keys that are remembered; events with made-up keys must not fill the memory. */
const maxRememberedKeys = 5_000;

/**
 * Flat keys by the names they are made of. Events of one source have the same few keys: finding one takes 20 ns where
 * joining it anew, and hashing it for the property store, takes 150 ns (Node 20.20, 20 properties an event).
 */
class FlatKeys {
  readonly root: FlatKey = { text: '', children: new Map() };
  #remembered = 0;

  constructor(private readonly isBracket: boolean) {}

  under(parent: FlatKey, name: string): FlatKey {
    if (name.length > maxRememberedName || parent.text.length > maxRememberedName) return this.#make(parent, name);
    return parent.children.get(name) ?? this.#remember(parent, name);
  }

  #remember(parent: FlatKey, name: string): FlatKey {
    if (this.#remembered === maxRememberedKeys) {
      this.root.children.clear();
      this.#remembered = 0;
    }
    const key = this.#make(parent, name);
    parent.children.set(name, key);
    this.#remembered += 1;
    return key;
  }

  #make(parent: FlatKey, name: string): FlatKey {
    const text = parent === this.root ? name : this.isBracket ? `${parent.text}[${name}]` : `${parent.text}.${name}`;
    // A destination cuts such keys anyway; as a prefix of a thousand others, one could fill the memory.
    return { text: text.length > maxKeyText ? text.slice(0, maxKeyText) : text, children: new Map() };
  }
}

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
  const keys = new FlatKeys(objects === 'bracket');

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
    key: FlatKey,
    array: readonly Json[],
    depth: number,
    adjustments: Adjustments,
  ): void => {
    if (array.length === 0 || arrays === 'drop') return;
    switch (arrays) {
      case 'list': {
        if (array.some((element) => typeof element === 'object' && element !== null)) {
          putText(out, key.text, jsonText(array), adjustments);
          return;
        }
        const list = array.includes(null) ? array.filter((element) => element !== null) : array;
        if (list.length > 0) put(out, key.text, list, adjustments);
        return;
      }
      case 'index':
        if (array.length > maxIndexed) adjustments.note('value_truncated', key.text);
        array.slice(0, maxIndexed).forEach((element, index) => {
          addValue(out, keys.under(key, String(index)), element, depth + 1, adjustments);
        });
        return;
      case 'join': {
        const texts = array.map((element) => toText(element));
        if (array.some((element, index) => element !== null && texts[index] === undefined)) {
          adjustments.note('number_out_of_range', key.text);
        }
        const joined = texts.filter((text) => text !== undefined);
        if (joined.length > 0) put(out, key.text, joined.join(joinWith), adjustments);
        return;
      }
      case 'stringify':
        putText(out, key.text, jsonText(array), adjustments);
    }
  };

  const addObject = (
    out: MutableJsonObject,
    prefix: FlatKey,
    object: JsonObject,
    depth: number,
    adjustments: Adjustments,
  ): void => {
    for (const name in object) {
      const value = object[name];
      if (value !== undefined && value !== null) addValue(out, keys.under(prefix, name), value, depth + 1, adjustments);
    }
  };

  const addValue = (
    out: MutableJsonObject,
    key: FlatKey,
    value: Json,
    depth: number,
    adjustments: Adjustments,
  ): void => {
    if (value === null) return;
    if (typeof value !== 'object') {
      put(out, key.text, value, adjustments);
    } else if (depth > maxDepth) {
      adjustments.note('value_too_deep', key.text);
    } else if (isJsonArray(value)) {
      addArray(out, key, value, depth, adjustments);
    } else if (objects === 'stringify') {
      if (!isEmptyJson(value)) putText(out, key.text, jsonText(value), adjustments);
    } else if (isJsonObject(value) && objects !== 'drop') {
      addObject(out, key, value, depth, adjustments);
    }
  };

  return (value, adjustments) => {
    const out: MutableJsonObject = {};
    addObject(out, keys.root, value, 0, adjustments);
    return out;
  };
}
