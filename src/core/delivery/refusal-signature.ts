/** Longest text that is read: what says which refusal it is stands at its beginning. */
const maxRead = 2_000;

const maxLength = 120;

/**
 * What differs between two events that are refused for one reason, and what stands for it. In this order: a quoted text
 * may hold a URL, a URL numbers. Each pattern is linear in the length of the text.
 */
const varying: readonly (readonly [pattern: RegExp, placeholder: string])[] = [
  // Also one that was cut off and has no end.
  [/"(?:[^"\\]|\\.)*(?:"|\\?$)/gs, '"…"'],
  // Not the apostrophe of "can't".
  [/(?<!\w)'[^']*'(?!\w)/g, '"…"'],
  [/`[^`]*`/g, '"…"'],
  [/\b[a-z][a-z0-9+.-]{0,20}:\/\/[^\s"]*/gi, '<url>'],
  // From the beginning of a word on: begun anywhere in it, the search would take the square of its length.
  [/(?<![^\s"<>@:;,=()[\]{}])[^\s"<>@:;,=()[\]{}]*@[^\s"<>@:;,=()[\]{}]+/g, '<email>'],
  [/\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b/gi, '<id>'],
  // Other ids: long words with a digit in them.
  [/\b(?=[a-z_]*\d)\w{16,}\b/gi, '<id>'],
  [/\d+(?:[.,]\d+)*/g, '#'],
  // A list of indices, however long.
  [/#(?:,? #)+/g, '#'],
  [/\s+/g, ' '],
];

/**
 * The destination's words without what differs between events (numbers, indices, quoted texts, ids, e-mail-like words,
 * URLs), so that refusals for one reason have one signature: `HTTP 400 events[17].event: must be a string, not "x"` and
 * the same of `events[3]` are both `HTTP # events[#].event: must be a string, not "…"`. In a body of JSON the texts are
 * the words: they are taken out of it first.
 *
 * @returns at most 120 characters.
 */
export function refusalSignature(detail: string): string {
  let text = withoutJson(detail.slice(0, maxRead));
  for (const [pattern, placeholder] of varying) text = text.replace(pattern, placeholder);
  return text.trim().slice(0, maxLength).toWellFormed();
}

/** `HTTP 400 {"error":"no name"}` as `HTTP 400 error: no name`; other texts as they are. */
function withoutJson(detail: string): string {
  const start = detail.search(/[[{]/);
  if (start < 0 || !/[\]}]\s*$/.test(detail)) return detail;
  try {
    return detail.slice(0, start) + wordsOf(JSON.parse(detail.slice(start)));
  } catch {
    // Brackets of prose, or JSON that was cut off.
    return detail;
  }
}

function wordsOf(value: unknown): string {
  if (Array.isArray(value)) return value.map(wordsOf).join(', ');
  if (typeof value !== 'object' || value === null) return String(value);
  return Object.entries(value)
    .map(([name, member]) => `${name}: ${wordsOf(member)}`)
    .join(', ');
}
