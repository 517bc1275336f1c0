import { isJsonArray, type Json } from './json.js';

/**
 * Is the value's JSON text longer than `limit` characters? A lower estimate (an escape counts as one character, and so does a number) that stops
 * as soon as it knows, and never goes deeper than `maxDepth` levels.
 */
export function isLongerThan(value: Json, limit: number, maxDepth = 200): boolean {
  let left = limit;
  const spend = (part: Json, depth: number): void => {
    if (typeof part === 'string') {
      left -= part.length + 2;
    } else if (typeof part !== 'object' || part === null) {
      left -= 1;
    } else if (depth < maxDepth) {
      // One bracket, and one comma or bracket for every member.
      left -= 1;
      if (isJsonArray(part)) {
        for (const element of part) {
          if (left < 0) return;
          left -= 1;
          spend(element, depth + 1);
        }
        return;
      }
      const object = part as Readonly<Record<string, Json>>;
      for (const key in object) {
        if (left < 0) return;
        left -= key.length + 4;
        spend(object[key] ?? null, depth + 1);
      }
    }
  };
  spend(value, 0);
  return left < 0;
}
