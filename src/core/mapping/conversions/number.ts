import type { Json } from '../../json/json.js';

const decimal = /^[+-]?(?:\d+\.?\d*|\.\d+)(?:e[+-]?\d+)?$/i;

/**
 * A number from a number, a boolean (1 or 0) or plain decimal text; `undefined` for anything else. "$812.37" and
 * "1,024" stay unread on purpose: which sign is the decimal one depends on the country.
 */
export function toNumber(value: Json): number | undefined {
  if (typeof value === 'boolean') return value ? 1 : 0;
  const number = typeof value === 'number' ? value : fromText(value);
  return number !== undefined && Number.isFinite(number) ? number : undefined;
}

function fromText(value: Json): number | undefined {
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  return decimal.test(text) ? Number(text) : undefined;
}
