import type { Json } from './json.js';

export interface JsonShape {
  /** Object members in the value, at every level. */
  readonly keys: number;
  /** Levels of nesting: 0 for a scalar, 1 for `{}`, 2 for `{"a":{}}`. */
  readonly depth: number;
}

export interface ShapeLimits {
  readonly maxKeys: number;
  readonly maxDepth: number;
}

/**
 * Counts the members and the levels of a parsed value. Stops as soon as a limit is passed, so that the stack it uses is
 * bounded by the limits and not by the value. Elements of arrays are not counted; looking at one costs a nanosecond.
 */
export function inspectJson(value: Json, limits: ShapeLimits): JsonShape {
  const counter = { keys: 0, depth: 0 };
  walk(value, 0, counter, limits);
  return counter;
}

function walk(value: Json, depth: number, counter: { keys: number; depth: number }, limits: ShapeLimits): void {
  if (typeof value !== 'object' || value === null) return;
  const level = depth + 1;
  if (level > counter.depth) counter.depth = level;
  if (level > limits.maxDepth || counter.keys > limits.maxKeys) return;
  if (Array.isArray(value)) {
    for (const element of value as readonly Json[]) {
      if (counter.keys > limits.maxKeys) return;
      if (typeof element === 'object') walk(element, level, counter, limits);
    }
    return;
  }
  const object = value as Readonly<Record<string, Json>>;
  // A parsed JSON object has no inherited enumerable members, so `in` and own are the same here, and `in` is faster.
  for (const key in object) {
    counter.keys += 1;
    if (counter.keys > limits.maxKeys) return;
    const member = object[key];
    if (typeof member === 'object' && member !== null) walk(member, level, counter, limits);
  }
}
