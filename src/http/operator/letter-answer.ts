import type { ReplayVerdict } from '../../core/durable/replay-letters.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import type { DeadLetter } from '../../core/store/dead-letter.js';

/** A letter as JSON text on one line. Its event stands there as it was received, or as a text where it is no JSON. */
export function letterText(letter: DeadLetter): string {
  const { id, lane, connection, messageId, reason, detail, attempts, receivedAt, rejectedAt, delivered } = letter;
  const times = { receivedAt: toIsoUtc(receivedAt), rejectedAt: toIsoUtc(rejectedAt) };
  const fields = { id, lane, connection, messageId, reason, detail, attempts, ...times, delivered };
  return `${JSON.stringify(fields).slice(0, -1)},"event":${eventText(letter.event)}}`;
}

/** What a replay makes of a letter. */
export function verdictAnswer(id: string, verdict: ReplayVerdict, letter: DeadLetter | undefined): object {
  const known = letter === undefined ? { id } : { id, messageId: letter.messageId, connection: letter.connection };
  switch (verdict.type) {
    case 'would_replay': {
      const operations = verdict.operations.map(({ kind, text }) => ({ kind, item: JSON.parse(text) as unknown }));
      return { ...known, verdict: verdict.type, operations };
    }
    case 'would_reject':
      return { ...known, verdict: verdict.type, reason: verdict.reason, detail: verdict.detail };
    case 'would_drop':
      return { ...known, verdict: verdict.type, reason: verdict.reason };
    case 'replayed':
    case 'delivered_already':
    case 'gone':
    case 'connection_missing':
      return { ...known, verdict: verdict.type };
  }
}

function eventText(text: string): string {
  try {
    const event: unknown = JSON.parse(text);
    // Numbers beyond a double's and keys that stand twice are lost by writing it anew.
    return /[\r\n]/.test(text) ? JSON.stringify(event) : text;
  } catch {
    return JSON.stringify(text);
  }
}
