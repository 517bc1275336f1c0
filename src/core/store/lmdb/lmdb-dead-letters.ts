import { setImmediate as turn } from 'node:timers/promises';

import type { Clock } from '../../clock.js';
import { matchesFilter, type DeadLetter, type DeadLetterFilter, type DeadLetterStats } from '../dead-letter.js';
import type { DeadLetters, Requeue } from '../store.js';
import type { ChunkIntake } from './chunk-intake.js';
import type { CommitQueue } from './commit-queue.js';
import type { Ledger } from './ledger.js';
import { decodeLetter, keyOfTime, letterKey, removeLetters, setLetterAside, timeOfId } from './letter-rows.js';
import { Sweep } from './sweep.js';
import type { Tables } from './tables.js';
import type { Unreadable } from './unreadable.js';

/** How long dead letters are kept, and how many bytes of them; what is beyond goes, the oldest first. */
export interface DeadLetterBounds {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

/** Letters that are looked at before others get their turn, and removed in one transaction. */
const lettersPerTurn = 500;
/** More than an id has. */
const maxIdBytes = 64;

export interface LetterKeeping {
  readonly bounds: DeadLetterBounds;
  readonly clock: Clock;
  readonly onLettersRemoved: (letters: number) => void;
  readonly onUnreadable: (unreadable: Unreadable) => void;
}

export interface DeadLettersParts {
  readonly tables: Tables;
  readonly ledger: Ledger;
  readonly queue: CommitQueue;
  readonly intake: ChunkIntake;
  readonly keeping: LetterKeeping;
}

export class LmdbDeadLetters implements DeadLetters {
  readonly #tables: Tables;
  readonly #ledger: Ledger;
  readonly #queue: CommitQueue;
  readonly #intake: ChunkIntake;
  readonly #keeping: LetterKeeping;
  readonly #sweep: Sweep;

  constructor({ tables, ledger, queue, intake, keeping }: DeadLettersParts) {
    this.#tables = tables;
    this.#ledger = ledger;
    this.#queue = queue;
    this.#intake = intake;
    this.#keeping = keeping;
    this.#sweep = new Sweep(keeping.clock, () => this.#trim());
  }

  async list(filter: DeadLetterFilter, after: string | undefined, limit: number): Promise<readonly DeadLetter[]> {
    const found: DeadLetter[] = [];
    // Keys narrow the search to whole milliseconds; the filter is exact.
    let start = after === undefined ? keyOfTime(filter.since ?? 0) : behind(Buffer.from(after));
    const end = filter.until === undefined ? undefined : keyOfTime(filter.until + 1);
    for (;;) {
      let looked = 0;
      for (const { key, value } of this.#tables.entries('letters', start, end)) {
        if (found.length === limit) return found;
        if (looked === lettersPerTurn) break;
        looked += 1;
        start = behind(key);
        const letter = this.#decode(key.toString(), value);
        if (letter !== undefined && matchesFilter(letter, filter)) found.push(letter);
      }
      if (looked < lettersPerTurn) return found;
      await turn();
    }
  }

  get(id: string): Promise<DeadLetter | undefined> {
    return new Promise((resolve) => {
      const key = letterKey(id);
      const record = key === undefined ? undefined : this.#tables.get('letters', key);
      resolve(record === undefined ? undefined : this.#decode(id, record));
    });
  }

  remove(ids: readonly string[]): Promise<number> {
    return this.#queue.write({ adds: false, bytes: 0, draft: (draft) => removeLetters(draft, ids) });
  }

  async requeue(requeues: readonly Requeue[]): Promise<readonly string[]> {
    const chunks = requeues.map(({ id, chunk }) => ({ id, encoded: this.#intake.encodeRepeat(chunk) }));
    const written = chunks.map(({ encoded }) => encoded);
    return this.#intake.write(written, 0, (draft) =>
      chunks.flatMap(({ id, encoded }) => {
        if (removeLetters(draft, [id]) === 0) return [];
        this.#intake.put(draft, encoded);
        return [id];
      }),
    );
  }

  stats(): Promise<DeadLetterStats> {
    return new Promise((resolve) => {
      const { letters, letterBytes } = this.#ledger.counts;
      resolve({ letters, bytes: letterBytes, oldestAt: letters === 0 ? undefined : this.#oldestAt() });
    });
  }

  /** Removes what is beyond the bounds, in transactions of its own: to be called when letters were written. */
  trim(): void {
    this.#sweep.now();
  }

  /** Keeps the bounds as time goes by, until `stop`. */
  start(): void {
    this.#sweep.start();
  }

  stop(): void {
    this.#sweep.stop();
  }

  async #trim(): Promise<void> {
    for (;;) {
      const ids = this.#beyondBounds();
      if (ids.length === 0) return;
      const removed = await this.remove(ids);
      if (removed > 0) this.#keeping.onLettersRemoved(removed);
    }
  }

  #beyondBounds(): readonly string[] {
    const { maxBytes, maxAgeMs } = this.#keeping.bounds;
    const oldestKept = this.#keeping.clock.now() - maxAgeMs;
    let excess = this.#ledger.counts.letterBytes - maxBytes;
    const ids: string[] = [];
    for (const { key, value } of this.#tables.entries('letters', keyOfTime(0))) {
      const id = key.toString();
      if (ids.length === lettersPerTurn || (excess <= 0 && timeOfId(id) >= oldestKept)) break;
      ids.push(id);
      excess -= value.length;
    }
    return ids;
  }

  #oldestAt(): number | undefined {
    for (const key of this.#tables.keys('letters', keyOfTime(0))) return timeOfId(key.toString());
    return undefined;
  }

  #decode(id: string, record: Buffer): DeadLetter | undefined {
    const letter = decodeLetter(id, record);
    if (letter === undefined) {
      this.#queue.write({ adds: true, bytes: record.length, draft: (draft) => setLetterAside(draft, id) }).then(
        (unreadable) => {
          if (unreadable !== undefined) this.#keeping.onUnreadable(unreadable);
        },
        () => undefined,
      );
    }
    return letter;
  }
}

/** The first key after this one; what is no id may be long, and sorts by its start as well. */
function behind(key: Buffer): Buffer {
  return Buffer.concat([key.subarray(0, maxIdBytes), Buffer.alloc(1)]);
}
