/**
 * JSON.parse keeps the last of two equal keys and says nothing. To say it, the members in the text are counted: where
 * there are more than in the parsed value, a key stood twice. Counting costs about 1 µs per KB; only a text that
 * does not add up is looked at closely.
 */
export function countMembers(text: string): number {
  let members = 0;
  for (let at = 0; at < text.length; at += 1) {
    const code = text.charCodeAt(at);
    if (code === colon) members += 1;
    else if (code === quote) at = endOfString(text, at);
  }
  return members;
}

export type JsonPath = readonly (string | number)[];

interface Frame {
  /** The keys seen so far in an object; none for an array. */
  readonly keys: Set<string> | undefined;
  /** The member or element being read. */
  step: string | number;
}

/**
 * The places of keys that stand twice in one object of a valid JSON text. Iterative: no nesting is too deep for it. The
 * answer has at most as many steps as the text has characters, or a small hostile text could ask for all memory.
 *
 * @param maxSteps the first steps of each path that are wanted.
 */
export function findDuplicateKeys(text: string, maxSteps = Number.POSITIVE_INFINITY): readonly JsonPath[] {
  const duplicates: JsonPath[] = [];
  let stepsLeft = text.length;
  const frames: Frame[] = [];
  for (let at = 0; at < text.length; at += 1) {
    const frame = frames.at(-1);
    switch (text.charCodeAt(at)) {
      case openBrace:
        frames.push({ keys: new Set(), step: '' });
        break;
      case openBracket:
        frames.push({ keys: undefined, step: 0 });
        break;
      case closeBrace:
      case closeBracket:
        frames.pop();
        break;
      case comma:
        if (typeof frame?.step === 'number') frame.step += 1;
        break;
      case quote: {
        const end = endOfString(text, at);
        if (frame?.keys !== undefined && isKey(text, end)) {
          const key = JSON.parse(text.slice(at, end + 1)) as string;
          frame.step = key;
          if (frame.keys.has(key) && (stepsLeft -= Math.min(frames.length, maxSteps)) >= 0)
            duplicates.push(frames.slice(0, maxSteps).map(({ step }) => step));
          frame.keys.add(key);
        }
        at = end;
        break;
      }
      default:
    }
  }
  return duplicates;
}

const quote = 0x22;
const comma = 0x2c;
const colon = 0x3a;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;

/** The position of the quote that closes the string opened at `open`. */
function endOfString(text: string, open: number): number {
  let end = open;
  do {
    end = text.indexOf('"', end + 1);
    if (end === -1) return text.length;
  } while (isEscaped(text, end));
  return end;
}

function isEscaped(text: string, at: number): boolean {
  let backslashes = 0;
  while (text.charCodeAt(at - 1 - backslashes) === backslash) backslashes += 1;
  return backslashes % 2 === 1;
}

/** A string is a key when the next thing is a colon. */
function isKey(text: string, end: number): boolean {
  let at = end + 1;
  while (text.charCodeAt(at) <= 0x20) at += 1;
  return text.charCodeAt(at) === colon;
}
