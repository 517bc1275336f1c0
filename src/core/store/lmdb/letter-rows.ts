import { createHash } from 'node:crypto';

import type { DeadLetter, NewDeadLetter } from '../dead-letter.js';
import type { Draft } from './draft.js';
import type { Unreadable } from './unreadable.js';
import { sealJson, unsealJson } from './sealed.js';

/** Digits of a time in an id: enough until the year 33658. */
const timeDigits = 15;
const idPattern = /^\d{15}-[0-9a-f]{16}$/;

/** A letter, ready to be written. */
export interface EncodedLetter {
  readonly id: string;
  readonly origin: Buffer;
  readonly record: Buffer;
}

export function encodeLetter(letter: NewDeadLetter): EncodedLetter {
  const { lane, connection, receivedAt, rejectedAt, reason, detail, attempts, messageId, event, delivered, origin } =
    letter;
  const place = { lane, connection, receivedAt, rejectedAt };
  const hash = createHash('sha256').update(origin).digest();
  return {
    id: `${timeText(rejectedAt)}-${hash.toString('hex', 0, 8)}`,
    origin: hash.subarray(0, 16),
    record: sealJson({ ...place, reason, detail, attempts, messageId, event, delivered, origin }),
  };
}

export function writeLetters(draft: Draft, letters: readonly EncodedLetter[]): void {
  for (const { id, origin, record } of letters) {
    if (draft.get('origins', origin) !== undefined) continue;
    draft.put('letters', Buffer.from(id), record);
    draft.put('origins', origin, Buffer.from(id));
    count(draft, 1, record.length);
  }
}

/** @returns how many of them there were. */
export function removeLetters(draft: Draft, ids: readonly string[]): number {
  let removed = 0;
  for (const id of ids) {
    const key = letterKey(id);
    const record = key === undefined ? undefined : draft.get('letters', key);
    if (key === undefined || record === undefined) continue;
    const letter = decodeLetter(id, record);
    draft.remove('letters', key);
    if (letter !== undefined) draft.remove('origins', encodeLetter(letter).origin);
    count(draft, -1, -record.length);
    removed += 1;
  }
  return removed;
}

/** Moves a damaged letter out of the way. Its origin stays known: its event is not going to be a letter again. */
export function setLetterAside(draft: Draft, id: string): Unreadable | undefined {
  const key = letterKey(id);
  const record = key === undefined ? undefined : draft.get('letters', key);
  if (key === undefined || record === undefined || decodeLetter(id, record) !== undefined) return undefined;
  draft.put('unreadable', Buffer.concat([Buffer.from('letters/'), key]), record);
  draft.remove('letters', key);
  count(draft, -1, -record.length);
  return { kind: 'deadLetter', name: id, bytes: record.length };
}

export function decodeLetter(id: string, record: Buffer): DeadLetter | undefined {
  const letter = unsealJson(record) as NewDeadLetter | undefined;
  return letter === undefined ? undefined : { ...letter, id };
}

/** The key of a letter; undefined for what is no id. */
export function letterKey(id: string): Buffer | undefined {
  return idPattern.test(id) ? Buffer.from(id) : undefined;
}

/** Before the key of any letter that was rejected then or later. */
export function keyOfTime(time: number): Buffer {
  return Buffer.from(timeText(time));
}

export function timeOfId(id: string): number {
  return Number(id.slice(0, timeDigits));
}

function timeText(time: number): string {
  const whole = Math.min(Math.max(0, Math.floor(time)), 10 ** timeDigits - 1);
  return String(whole).padStart(timeDigits, '0');
}

function count(draft: Draft, letters: number, bytes: number): void {
  const { counts } = draft;
  draft.counts = { ...counts, letters: counts.letters + letters, letterBytes: counts.letterBytes + bytes };
}
