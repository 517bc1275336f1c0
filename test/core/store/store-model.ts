import type { DeadLetter, NewDeadLetter } from '../../../src/core/store/dead-letter.js';
import type {
  AppendedChunk,
  Chunk,
  ClaimedLane,
  LaneBacklog,
  NewChunk,
  SettledEvents,
} from '../../../src/core/store/store.js';

interface ModelChunk extends Omit<Chunk, 'events'> {
  readonly open: Map<number, string>;
}

/** What a lane's next sender has to be told. */
export interface Handover {
  readonly memo: string | undefined;
  readonly wasReleased: boolean;
}

/** What a store is to say, without any thought for disks: told of each call that was confirmed. */
export class StoreModel {
  readonly #chunks: ModelChunk[] = [];
  readonly #letters = new Map<string, NewDeadLetter>();
  readonly #ids = new Set<string>();
  readonly #memos = new Map<string, string>();
  readonly #claimed = new Set<string>();

  /** To be asked when the call is made, in the order of the calls. */
  takeRepeats({ connection, ids = [] }: NewChunk): readonly number[] {
    return ids.flatMap((id, index) => {
      const name = JSON.stringify([connection, id]);
      if (id === '') return [];
      if (this.#ids.has(name)) return [index];
      this.#ids.add(name);
      return [];
    });
  }

  append(chunks: readonly NewChunk[], appended: readonly AppendedChunk[]): void {
    chunks.forEach(({ lane, connection, receivedAt, events }, position) => {
      const { sequence, repeats } = appended[position] ?? { sequence: -1, repeats: [] };
      const open = [...events.entries()].filter(([index]) => !repeats.includes(index));
      this.#chunks.push({ lane, connection, receivedAt, sequence, open: new Map(open) });
    });
  }

  settle(lane: string, settled: readonly SettledEvents[], memo?: string): void {
    for (const { sequence, indexes } of settled) {
      const chunk = this.#chunks.find((candidate) => candidate.lane === lane && candidate.sequence === sequence);
      for (const index of indexes) chunk?.open.delete(index);
    }
    if (memo !== undefined) this.#memos.set(lane, memo);
  }

  /** What the lane's claim has to say, from now on. */
  claim({ lane }: ClaimedLane): Handover {
    const handover = { memo: this.#memos.get(lane), wasReleased: !this.#claimed.has(lane) };
    this.#claimed.add(lane);
    return handover;
  }

  release(lane: string, memo: string): void {
    this.#memos.set(lane, memo);
    this.#claimed.delete(lane);
  }

  write(letters: readonly NewDeadLetter[]): void {
    for (const letter of letters) {
      if (!this.#letters.has(letter.origin)) this.#letters.set(letter.origin, letter);
    }
  }

  removeLetter(origin: string): void {
    this.#letters.delete(origin);
  }

  get lanes(): readonly string[] {
    return [...new Set(this.#chunks.map(({ lane }) => lane))];
  }

  open(lane: string): readonly Chunk[] {
    return this.#chunks
      .filter((chunk) => chunk.lane === lane && chunk.open.size > 0)
      .map(({ open, ...chunk }) => ({ ...chunk, events: [...open].map(([index, text]) => ({ index, text })) }))
      .sort((one, other) => one.sequence - other.sequence);
  }

  /** By lane. */
  backlog(): readonly LaneBacklog[] {
    return this.lanes.toSorted().flatMap((lane) => {
      const chunks = this.open(lane);
      const texts = chunks.flatMap(({ events }) => events.map(({ text }) => text));
      const bytes = texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0);
      return texts.length === 0 ? [] : [{ lane, events: texts.length, bytes, oldestAt: chunks[0]?.receivedAt }];
    });
  }

  /** By origin. */
  letters(): readonly NewDeadLetter[] {
    return [...this.#letters.values()].sort((one, other) => (one.origin < other.origin ? -1 : 1));
  }
}

/** The letters as they were written, by origin. */
export function written(letters: readonly DeadLetter[]): readonly NewDeadLetter[] {
  return letters.map(({ id: _id, ...letter }) => letter).sort((one, other) => (one.origin < other.origin ? -1 : 1));
}
