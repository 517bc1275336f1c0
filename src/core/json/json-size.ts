import type { Json } from './json.js';

/**
 * Is the value's JSON text longer than `limit` characters? A lower estimate (escapes count as one character) that stops
 * as soon as it knows, and never goes deeper than `maxDepth` levels.
 */
export function isLongerThan(value: Json, limit: number, maxDepth = 200): boolean {
  let left = limit;
  const spend = (part: Json, depth: number): void => {
    if (typeof part === 'string') {
      left -= part.length + 2;
    } else if (typeof part !== 'object' || part === null) {
      left -= 4;
    } else if (depth < maxDepth) {
      left -= 2;
      for (const [key, member] of Object.entries(part as Readonly<Record<string, Json>>)) {
        if (left < 0) return;
        left -= Array.isArray(part) ? 1 : key.length + 4;
        spend(member, depth + 1);
      }
    }
  };
  spend(value, 0);
  return left < 0;
}
