import type { ByteWriter } from '../../../core/json/byte-writer.js';
import { isUnescaped, JsonScanner } from '../../../core/json/json-scanner.js';

/** Longest flat key that is written. */
const maxPath = 1_000;

/** Bytes of all keys of one object together: a long key would be written once for each of its many members. */
const maxKeyBytes = 100_000;

/** Members of one object; each key is compared with those before it. */
const maxMembers = 48;

/**
 * Flattens JSON text as `flattenJson` flattens values: `{"a":{"b":[1]}}` becomes `{"a.b[0]":1}`, whose values are copied and
 * never parsed. Refuses what needs more than copying: keys that are empty, written with escapes or there twice, the key
 * `idempotencyKey`, and sizes beyond the bounds.
 */
export class ByteFlattener {
  readonly #scanner: JsonScanner;
  readonly #path = Buffer.allocUnsafe(maxPath);
  /** Where the keys of the objects that are open begin and end. */
  readonly #keys: number[] = [];
  #keyBytes = 0;
  #isFirst = true;

  /** @param body holds valid JSON where it is pointed to. */
  constructor(private readonly body: Buffer) {
    this.#scanner = new JsonScanner(body);
  }

  /** Writes the object at `start` flat. False where it is refused; what was written by then is to be taken back. */
  write(start: number, writer: ByteWriter): boolean {
    this.#keys.length = 0;
    this.#keyBytes = 0;
    this.#isFirst = true;
    writer.byte(openBrace);
    const end = this.#writeObject(start, 0, writer);
    writer.byte(closeBrace);
    return end > 0;
  }

  /** The position behind the object, or -1. */
  #writeObject(start: number, pathLength: number, writer: ByteWriter): number {
    const { body } = this;
    const scanner = this.#scanner;
    const firstKey = this.#keys.length;
    let at = scanner.skipSpace(start + 1);
    for (;;) {
      const keyEnd = scanner.skipString(at);
      if (!this.#addKey(at + 1, keyEnd - 1, firstKey, pathLength === 0)) return -1;
      const length = this.#addName(pathLength, at + 1, keyEnd - 1);
      // Behind the colon.
      at = scanner.skipSpace(scanner.skipSpace(keyEnd) + 1);
      at = length < 0 ? -1 : this.#writeValue(at, length, writer);
      if (at < 0) return -1;
      at = scanner.skipSpace(at);
      if (body[at] === closeBrace) {
        this.#keys.length = firstKey;
        return at + 1;
      }
      at = scanner.skipSpace(at + 1);
    }
  }

  #writeArray(start: number, pathLength: number, writer: ByteWriter): number {
    const { body } = this;
    const scanner = this.#scanner;
    let at = scanner.skipSpace(start + 1);
    for (let index = 0; ; index += 1) {
      const length = this.#addIndex(pathLength, index);
      at = length < 0 ? -1 : this.#writeValue(at, length, writer);
      if (at < 0) return -1;
      at = scanner.skipSpace(at);
      if (body[at] === closeBracket) return at + 1;
      at = scanner.skipSpace(at + 1);
    }
  }

  #writeValue(start: number, pathLength: number, writer: ByteWriter): number {
    const { body } = this;
    const scanner = this.#scanner;
    const byte = body[start];
    if (byte === openBrace && body[scanner.skipSpace(start + 1)] !== closeBrace) {
      return this.#writeObject(start, pathLength, writer);
    }
    if (byte === openBracket && body[scanner.skipSpace(start + 1)] !== closeBracket) {
      return this.#writeArray(start, pathLength, writer);
    }
    const end = scanner.skipValue(start, 1);
    this.#keyBytes += pathLength;
    if (end < 0 || this.#keyBytes > maxKeyBytes) return -1;
    if (!this.#isFirst) writer.byte(comma);
    this.#isFirst = false;
    writer.byte(quote);
    writer.copy(this.#path, 0, pathLength);
    writer.byte(quote);
    writer.byte(colon);
    writer.copy(body, start, end);
    return end;
  }

  /** False for a key that is there twice, which JSON.parse would have replaced with all that hangs on it, or is refused. */
  #addKey(start: number, end: number, firstKey: number, isRoot: boolean): boolean {
    const { body } = this;
    const keys = this.#keys;
    if (end === start || keys.length - firstKey >= 2 * maxMembers) return false;
    if (!isUnescaped(body, start - 1, end + 1)) return false;
    if (isRoot && this.#equals(start, end, idempotencyKey, 0, idempotencyKey.length)) return false;
    for (let index = firstKey; index < keys.length; index += 2) {
      if (this.#equals(start, end, body, keys[index] ?? 0, keys[index + 1] ?? 0)) return false;
    }
    keys.push(start, end);
    return true;
  }

  #equals(start: number, end: number, other: Uint8Array, otherStart: number, otherEnd: number): boolean {
    if (end - start !== otherEnd - otherStart) return false;
    const { body } = this;
    for (let at = 0; at < end - start; at += 1) if (body[start + at] !== other[otherStart + at]) return false;
    return true;
  }

  /** The length of the path with a member's name at its end, or -1. */
  #addName(pathLength: number, start: number, end: number): number {
    const { body } = this;
    const path = this.#path;
    let length = pathLength;
    if (length + 1 + end - start > maxPath) return -1;
    if (length > 0) path[length++] = point;
    for (let at = start; at < end; at += 1) path[length++] = body[at] ?? 0;
    return length;
  }

  #addIndex(pathLength: number, index: number): number {
    const text = `[${index}]`;
    if (pathLength + text.length > maxPath) return -1;
    return pathLength + this.#path.write(text, pathLength, 'latin1');
  }
}

const quote = 0x22;
const comma = 0x2c;
const point = 0x2e;
const colon = 0x3a;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const openBrace = 0x7b;
const closeBrace = 0x7d;
const idempotencyKey = Buffer.from('idempotencyKey');
