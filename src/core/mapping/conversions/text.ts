import type { Json } from '../../json/json.js';

/**
 * The scalar as text; an array or object as its JSON text. `undefined` for null, and for a value nested so deep that
 * JSON.stringify runs out of stack.
 */
export function toText(value: Json): string | undefined {
  switch (typeof value) {
    case 'string':
      return value;
    case 'number':
      return Number.isFinite(value) ? String(value) : undefined;
    case 'boolean':
      return String(value);
    default:
      return value === null ? undefined : jsonText(value);
  }
}

/** JSON text, or `undefined` where the nesting is beyond the stack. */
export function jsonText(value: Json): string | undefined {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The first `maxLength` UTF-16 code units (the unit in which Heap's own SDK counts), never half a surrogate pair.
 */
export function truncateText(text: string, maxLength: number): string {
  if (text.length <= maxLength) return text;
  const last = text.charCodeAt(maxLength - 1);
  const splitsPair = last >= 0xd800 && last <= 0xdbff;
  return text.slice(0, splitsPair ? maxLength - 1 : maxLength);
}
