/**
 * Reads a `Retry-After` header, in seconds or as an HTTP date (RFC 9110 §10.2.3).
 *
 * @returns milliseconds from `now`, never negative, or `undefined` when there is none or it can't be read.
 */
export function parseRetryAfter(header: string | undefined, now: number): number | undefined {
  const text = header?.trim() ?? '';
  if (/^\d+$/.test(text)) return Math.min(Number(text) * 1000, Number.MAX_SAFE_INTEGER);
  // A date begins with the name of its day; Date.parse alone would read "1.5" or "-3" as dates.
  if (!/^[A-Za-z]{3,9},? /.test(text)) return undefined;
  // HTTP dates are in GMT; the oldest of their three forms does not say so.
  const date = Date.parse(text.endsWith('GMT') ? text : `${text} GMT`);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}
