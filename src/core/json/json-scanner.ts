/**
 * Reads JSON text as bytes without making values of it: it finds where a value ends, and is as strict as JSON.parse on the
 * way. What it does not want to judge it refuses too (see `skipValue`), so that whoever calls it asks JSON.parse instead.
 *
 * The bytes must be valid UTF-8. Costs about 1 ns per byte, a third of what JSON.parse takes (Node 20.20).
 */
export class JsonScanner {
  /** Object members passed over so far. */
  members = 0;

  constructor(readonly bytes: Uint8Array) {}

  /** The first position from `at` on that is no white space. */
  skipSpace(at: number): number {
    const { bytes } = this;
    let next = at;
    for (;;) {
      const byte = bytes[next] ?? 0;
      if (byte !== space && byte !== lineFeed && byte !== carriageReturn && byte !== tab) return next;
      next += 1;
    }
  }

  /**
   * The position behind the value that begins at `at`, or -1 for what is no JSON, is nested deeper than `levels`, or holds
   * a number that might not fit a double.
   */
  skipValue(at: number, levels: number): number {
    switch (this.bytes[at]) {
      case quote:
        return this.skipString(at);
      case openBrace:
        return levels === 0 ? -1 : this.#skipObject(at, levels - 1);
      case openBracket:
        return levels === 0 ? -1 : this.#skipArray(at, levels - 1);
      case letterT:
        return this.#isWord(at, 0x72, 0x75, 0x65) ? at + 4 : -1;
      case letterN:
        return this.#isWord(at, 0x75, 0x6c, 0x6c) ? at + 4 : -1;
      case letterF:
        return this.#isWord(at + 1, 0x6c, 0x73, 0x65) && this.bytes[at + 1] === 0x61 ? at + 5 : -1;
      default:
        return this.#skipNumber(at);
    }
  }

  /** The position behind the string whose opening quote is at `at`, or -1. */
  skipString(at: number): number {
    const { bytes } = this;
    let next = at + 1;
    for (;;) {
      const kind = stringBytes[bytes[next] ?? 0];
      if (kind === plainByte) {
        next += 1;
      } else if (kind === quoteByte) {
        return next + 1;
      } else if (kind === escapeByte) {
        const escaped = bytes[next + 1];
        if (escaped === letterU) {
          if (!this.#areHex(next + 2)) return -1;
          next += 6;
        } else {
          if (escapedBytes[escaped ?? 0] !== 1) return -1;
          next += 2;
        }
      } else {
        return -1;
      }
    }
  }

  #skipObject(at: number, levels: number): number {
    const { bytes } = this;
    let next = this.skipSpace(at + 1);
    if (bytes[next] === closeBrace) return next + 1;
    for (;;) {
      if (bytes[next] !== quote) return -1;
      next = this.skipString(next);
      if (next < 0) return -1;
      this.members += 1;
      if (bytes[next] !== colon) next = this.skipSpace(next);
      if (bytes[next] !== colon) return -1;
      next += 1;
      if ((bytes[next] ?? 0) <= space) next = this.skipSpace(next);
      next = this.skipValue(next, levels);
      if (next < 0) return -1;
      if ((bytes[next] ?? 0) <= space) next = this.skipSpace(next);
      const byte = bytes[next];
      if (byte === closeBrace) return next + 1;
      if (byte !== comma) return -1;
      next += 1;
      if ((bytes[next] ?? 0) <= space) next = this.skipSpace(next);
    }
  }

  #skipArray(at: number, levels: number): number {
    const { bytes } = this;
    let next = this.skipSpace(at + 1);
    if (bytes[next] === closeBracket) return next + 1;
    for (;;) {
      next = this.skipValue(next, levels);
      if (next < 0) return -1;
      if ((bytes[next] ?? 0) <= space) next = this.skipSpace(next);
      const byte = bytes[next];
      if (byte === closeBracket) return next + 1;
      if (byte !== comma) return -1;
      next += 1;
      if ((bytes[next] ?? 0) <= space) next = this.skipSpace(next);
    }
  }

  #skipNumber(at: number): number {
    const { bytes } = this;
    let next = bytes[at] === minus ? at + 1 : at;
    const first = next;
    next = this.#skipDigits(next);
    if (next === first || (bytes[first] === zero && next > first + 1)) return -1;
    // -0 is written as 0 by JSON.stringify, -0.5 is not.
    if (first > at && bytes[first] === zero && this.#isAllZeros(next)) return -1;
    if (bytes[next] === point) {
      const fraction = next + 1;
      next = this.#skipDigits(fraction);
      if (next === fraction) return -1;
    }
    const byte = bytes[next];
    if (byte === letterE || byte === capitalE) {
      const sign = bytes[next + 1];
      const exponent = sign === plus || sign === minus ? next + 2 : next + 1;
      next = this.#skipDigits(exponent);
      // Two digits are within the range of a double whatever stands before them, as long as that is short.
      if (next === exponent || next - exponent > 2) return -1;
    }
    return next - at > longestNumber ? -1 : next;
  }

  #skipDigits(at: number): number {
    const { bytes } = this;
    let next = at;
    for (;;) {
      const byte = bytes[next] ?? 0;
      if (byte < zero || byte > nine) return next;
      next += 1;
    }
  }

  /** Is there no other digit than 0 in the fraction that may begin at `at`? */
  #isAllZeros(at: number): boolean {
    const { bytes } = this;
    if (bytes[at] !== point) return true;
    let next = at + 1;
    while (bytes[next] === zero) next += 1;
    const byte = bytes[next] ?? 0;
    return byte < zero || byte > nine;
  }

  #isWord(at: number, second: number, third: number, fourth: number): boolean {
    const { bytes } = this;
    return bytes[at + 1] === second && bytes[at + 2] === third && bytes[at + 3] === fourth;
  }

  #areHex(at: number): boolean {
    const { bytes } = this;
    for (let next = at; next < at + 4; next += 1) if (hexBytes[bytes[next] ?? 0] !== 1) return false;
    return true;
  }
}

/** Is the JSON string from `start` (its opening quote) to `end` (behind its closing one) written without escapes? */
export function isUnescaped(bytes: Uint8Array, start: number, end: number): boolean {
  for (let at = start + 1; at < end - 1; at += 1) if (bytes[at] === backslash) return false;
  return true;
}

/** Digits and signs of a number that is surely within the range of a double. */
const longestNumber = 100;

const tab = 0x09;
const lineFeed = 0x0a;
const carriageReturn = 0x0d;
const space = 0x20;
const quote = 0x22;
const plus = 0x2b;
const comma = 0x2c;
const minus = 0x2d;
const point = 0x2e;
const zero = 0x30;
const nine = 0x39;
const colon = 0x3a;
const capitalE = 0x45;
const openBracket = 0x5b;
const backslash = 0x5c;
const closeBracket = 0x5d;
const letterE = 0x65;
const letterF = 0x66;
const letterN = 0x6e;
const letterT = 0x74;
const letterU = 0x75;
const openBrace = 0x7b;
const closeBrace = 0x7d;

const plainByte = 0;
const quoteByte = 1;
const escapeByte = 2;
const controlByte = 3;

/** What a byte means inside a string. The bytes of characters beyond ASCII are plain. */
const stringBytes = Uint8Array.from({ length: 256 }, (_unused, byte) => {
  if (byte === quote) return quoteByte;
  if (byte === backslash) return escapeByte;
  return byte < space ? controlByte : plainByte;
});

const escapedBytes = tableOf('"\\/bfnrt');
const hexBytes = tableOf('0123456789abcdefABCDEF');

function tableOf(characters: string): Uint8Array {
  const table = new Uint8Array(256);
  for (const character of characters) table[character.charCodeAt(0)] = 1;
  return table;
}
