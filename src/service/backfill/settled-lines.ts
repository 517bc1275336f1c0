import { Fifo } from '../../core/delivery/fifo.js';
import type { BackfillCounts } from './backfill-counts.js';
import type { TargetOutcome } from './backfill-target.js';
import type { FilePlace, InputRecord } from './read-records.js';

export type LineOutcome = { readonly type: 'blank' } | TargetOutcome;

/** A line that was read, until everything before it and itself is settled. */
export interface OpenLine {
  readonly record: Omit<InputRecord, 'text'>;
  /** Its text, kept for the case that it is rejected. */
  text: string | undefined;
  outcome: LineOutcome | undefined;
}

/**
 * How far everything of a file is settled, whatever the order in which its lines are: what stands before the first line
 * that is not. Counts and rejects are of that part alone, so that a backfill which goes on from there repeats neither.
 */
export class SettledLines {
  readonly #open = new Fifo<OpenLine>();
  #place: FilePlace;
  #position = 0;
  readonly #counts: { -readonly [Key in 'blank' | 'taken' | 'repeats']: BackfillCounts[Key] };
  readonly #rejected: Record<string, number>;
  readonly #dropped: Record<string, number>;
  #rejectedTotal: number;
  #rejects: string[] = [];
  #rejectsLength = 0;
  #openLength = 0;

  constructor(from: FilePlace, { blank, taken, repeats, rejected, dropped }: BackfillCounts) {
    this.#place = from;
    this.#counts = { blank, taken, repeats };
    this.#rejected = { ...rejected };
    this.#dropped = { ...dropped };
    this.#rejectedTotal = Object.values(rejected).reduce((sum, count) => sum + count, 0);
  }

  /** Lines that were read and are not passed yet. */
  get open(): number {
    return this.#open.length;
  }

  /** Characters of the texts that are kept for them. */
  get openLength(): number {
    return this.#openLength;
  }

  get place(): FilePlace {
    return this.#place;
  }

  /** Bytes of the file that were read for the last line that is passed, about. */
  get position(): number {
    return this.#position;
  }

  get taken(): number {
    return this.#counts.taken;
  }

  get rejected(): number {
    return this.#rejectedTotal;
  }

  /** Characters of rejects that wait to be taken. */
  get rejectsLength(): number {
    return this.#rejectsLength;
  }

  get counts(): BackfillCounts {
    return {
      ...{ lines: this.#place.line, ...this.#counts },
      ...{ rejected: { ...this.#rejected }, dropped: { ...this.#dropped } },
    };
  }

  begin({ text, ...record }: InputRecord): OpenLine {
    const line: OpenLine = { record, text, outcome: undefined };
    this.#openLength += text?.length ?? 0;
    this.#open.push(line);
    return line;
  }

  settle(line: OpenLine, outcome: LineOutcome): void {
    line.outcome = outcome;
    if (outcome.type !== 'rejected') this.#forget(line);
    for (let next = this.#open.front; next?.outcome !== undefined; next = this.#open.front) {
      this.#open.shift();
      this.#place = { line: next.record.line, offset: next.record.end };
      this.#position = next.record.position;
      this.#count(next, next.outcome);
    }
  }

  /** The rejects that were not taken yet, one JSON text each, in the order of their lines. */
  takeRejects(): readonly string[] {
    const rejects = this.#rejects;
    this.#rejects = [];
    this.#rejectsLength = 0;
    return rejects;
  }

  #count(line: OpenLine, outcome: LineOutcome): void {
    switch (outcome.type) {
      case 'blank':
        this.#counts.blank += 1;
        return;
      case 'taken':
        this.#counts.taken += 1;
        return;
      case 'repeat':
        this.#counts.repeats += 1;
        return;
      case 'dropped':
        this.#dropped[outcome.reason] = (this.#dropped[outcome.reason] ?? 0) + 1;
        return;
      case 'rejected': {
        this.#rejected[outcome.reason] = (this.#rejected[outcome.reason] ?? 0) + 1;
        this.#rejectedTotal += 1;
        const reject = rejectText(line, outcome);
        this.#rejects.push(reject);
        this.#rejectsLength += reject.length;
        this.#forget(line);
      }
    }
  }

  #forget(line: OpenLine): void {
    this.#openLength -= line.text?.length ?? 0;
    line.text = undefined;
  }
}

/** `{"line", "reason", "detail", "event"}`: the event as it stood there, or its text where that is no JSON. */
function rejectText(
  { record, text }: OpenLine,
  { reason, detail }: Extract<LineOutcome, { type: 'rejected' }>,
): string {
  const head = JSON.stringify({ line: record.line, reason, detail }).slice(0, -1);
  const event = text === undefined ? 'null' : reason === 'json_malformed' ? JSON.stringify(text) : text.trim();
  return `${head},"event":${event}}`;
}
