/**
 * Reads a `Retry-After` header, in seconds or as an HTTP date (RFC 9110 §10.2.3).
 *
 * @returns milliseconds from `now`, never negative, or `undefined` when there is none or it can't be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  // A date begins with the name of its day; Date.parse alone would read "1.5" or "-3" as dates.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
