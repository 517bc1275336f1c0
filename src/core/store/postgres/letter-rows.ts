import { createHash } from 'node:crypto';

import type { DeadLetter, NewDeadLetter } from '../dead-letter.js';
import { fromColumn, toColumn } from './text-columns.js';

/** A letter by the names of its columns. */
export interface LetterRow {
  readonly lane: string;
  readonly origin: string;
  readonly id: string;
  readonly connection: string;
  readonly received_at: number;
  readonly rejected_at: number;
  readonly reason: string;
  readonly detail: string;
  readonly attempts: number;
  readonly message_id: string;
  readonly event: string;
  readonly delivered: string;
}

/** Digits of a time in an id: enough until the year 33658. */
const timeDigits = 15;

const columns = `lane text, origin text, id text, connection text, received_at bigint, rejected_at bigint, reason text,
  detail text, attempts bigint, message_id text, event text, delivered text, bytes bigint`;
const names = columns.replaceAll(/ (text|bigint)/g, '');

/** An insert of letters, the value of `parameter`, where `condition` holds; those whose origin has a letter are passed over. */
export function insertLetters(parameter: string, condition: string): string {
  return `insert into heap_destination_letters (${names})
    select ${names} from json_to_recordset(${parameter}::json) as given(${columns}) where ${condition}
    on conflict do nothing`;
}

/** The value of the parameter of `insertLetters`. */
export function encodeLetters(letters: readonly NewDeadLetter[]): string {
  return JSON.stringify(
    letters.map((letter) => {
      const row = encodeLetter(letter);
      return { ...row, bytes: Buffer.byteLength(JSON.stringify(row)) };
    }),
  );
}

export function decodeLetter(row: LetterRow): DeadLetter {
  return {
    id: row.id,
    lane: fromColumn(row.lane),
    connection: fromColumn(row.connection),
    receivedAt: row.received_at,
    rejectedAt: row.rejected_at,
    reason: fromColumn(row.reason),
    detail: fromColumn(row.detail),
    attempts: row.attempts,
    messageId: fromColumn(row.message_id),
    event: fromColumn(row.event),
    delivered: JSON.parse(fromColumn(row.delivered)) as readonly string[],
    origin: fromColumn(row.origin),
  };
}

/** Before the id of any letter that was rejected then or later. */
export function idOfTime(time: number): string {
  const whole = Math.min(Math.max(0, Math.floor(time)), 10 ** timeDigits - 1);
  return String(whole).padStart(timeDigits, '0');
}

/** `rejectedAt`, as near as the id tells it. */
export function timeOfId(id: string): number {
  return Number(id.slice(0, timeDigits));
}

function encodeLetter(letter: NewDeadLetter): LetterRow {
  const hash = createHash('sha256').update(letter.origin).digest('hex').slice(0, 16);
  return {
    lane: toColumn(letter.lane),
    origin: toColumn(letter.origin),
    id: `${idOfTime(letter.rejectedAt)}-${hash}`,
    connection: toColumn(letter.connection),
    received_at: Math.trunc(letter.receivedAt),
    rejected_at: Math.trunc(letter.rejectedAt),
    reason: toColumn(letter.reason),
    detail: toColumn(letter.detail),
    attempts: letter.attempts,
    message_id: toColumn(letter.messageId),
    event: toColumn(letter.event),
    delivered: toColumn(JSON.stringify(letter.delivered)),
  };
}
