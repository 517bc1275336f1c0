import type { Clock } from '../../src/core/clock.js';
import type { NewDeadLetter } from '../../src/core/store/dead-letter.js';
import { LaneLost } from '../../src/core/store/lane-lost.js';
import type {
  AppendedChunk,
  Chunk,
  ClaimedLane,
  LaneBacklog,
  LaneListener,
  NewChunk,
  SettledEvents,
  Store,
} from '../../src/core/store/store.js';
import { MemoryDeadLetters } from './memory-dead-letters.js';

interface LaneRow {
  readonly chunks: Chunk[];
  last: number;
  memo: { readonly text: string; readonly at: number } | undefined;
  wasReleased: boolean;
  owner: MemoryStore | undefined;
}

/** What outlives the processes that use it. */
export class MemoryDisk {
  readonly lanes = new Map<string, LaneRow>();
  readonly letters = new MemoryDeadLetters();
  readonly origins = new Set<string>();

  /** Events that are open, as `sequence/index`. */
  open(lane: string): readonly string[] {
    const chunks = this.lanes.get(lane)?.chunks ?? [];
    return chunks.flatMap(({ sequence, events }) => events.map(({ index }) => `${sequence}/${index}`));
  }
}

/** A store in memory. `fail` is called before each call, and may throw or take its time. */
export class MemoryStore implements Store {
  fail: (call: 'append' | 'read' | 'settle' | 'release') => void | Promise<void> = () => undefined;
  /** What `mayBegin` says. */
  mayBegin = true;
  /** Bytes of the longest answer of `read`. */
  reads = 0;
  #listener: LaneListener | undefined;

  constructor(
    readonly disk: MemoryDisk,
    private readonly clock: Clock,
  ) {}

  get deadLetters(): MemoryDeadLetters {
    return this.disk.letters;
  }

  async append(chunks: readonly NewChunk[], letters: readonly NewDeadLetter[] = []): Promise<readonly AppendedChunk[]> {
    await this.fail('append');
    this.#write(letters);
    return chunks.map(({ lane, connection, receivedAt, events }) => {
      const row = this.#row(lane);
      row.last += 1;
      const sequence = row.last;
      row.chunks.push({
        lane,
        sequence,
        connection,
        receivedAt,
        events: events.map((text, index) => ({ index, text })),
      });
      this.#claim(lane);
      return { sequence, repeats: [], previous: sequence - 1 };
    });
  }

  claim(listener: LaneListener): Promise<void> {
    this.#listener = listener;
    for (const [lane, { chunks }] of this.disk.lanes) if (chunks.length > 0) this.#claim(lane);
    return Promise.resolve();
  }

  backlog(): Promise<readonly LaneBacklog[]> {
    return Promise.resolve(
      [...this.disk.lanes].flatMap(([lane, { chunks }]) => {
        const texts = chunks.flatMap(({ events }) => events.map(({ text }) => text));
        const bytes = texts.reduce((sum, text) => sum + text.length, 0);
        return texts.length === 0 ? [] : [{ lane, events: texts.length, bytes, oldestAt: chunks[0]?.receivedAt }];
      }),
    );
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  /** Somebody else is the lane's sender from now on. */
  lose(lane: string): void {
    this.#row(lane).owner = undefined;
    this.#listener?.onLost(lane);
  }

  /** The process dies. */
  die(): void {
    for (const row of this.disk.lanes.values()) if (row.owner === this) row.owner = undefined;
    this.#listener = undefined;
  }

  #row(lane: string): LaneRow {
    let row = this.disk.lanes.get(lane);
    if (row === undefined) {
      row = { chunks: [], last: 0, memo: undefined, wasReleased: true, owner: undefined };
      this.disk.lanes.set(lane, row);
    }
    return row;
  }

  #write(letters: readonly NewDeadLetter[]): void {
    for (const letter of letters) {
      if (this.disk.origins.has(letter.origin)) continue;
      this.disk.origins.add(letter.origin);
      this.disk.letters.add(letter);
    }
  }

  #claim(lane: string): void {
    const row = this.#row(lane);
    if (row.owner !== undefined || this.#listener === undefined) return;
    row.owner = this;
    const claimed = this.#claimed(lane, row);
    row.wasReleased = false;
    this.#listener.onClaimed(claimed);
  }

  #claimed(lane: string, row: LaneRow): ClaimedLane {
    const { memo, wasReleased } = row;
    const check = (): void => {
      if (row.owner !== this) throw new LaneLost(lane);
    };
    return {
      lane,
      events: row.chunks.reduce((sum, { events }) => sum + events.length, 0),
      memo: memo && { text: memo.text, ageMs: this.clock.now() - memo.at },
      wasReleased,
      mayBegin: () => this.mayBegin,
      read: async (from, maxBytes) => {
        await this.fail('read');
        check();
        this.reads += 1;
        const chunks: Chunk[] = [];
        let bytes = 0;
        for (const chunk of row.chunks) {
          if (chunk.sequence < from) continue;
          chunks.push(chunk);
          bytes += chunk.events.reduce((sum, { text }) => sum + text.length, 0);
          if (bytes >= maxBytes) break;
        }
        return chunks;
      },
      settle: async (settled: readonly SettledEvents[], letters, text) => {
        await this.fail('settle');
        check();
        this.#write(letters);
        if (text !== undefined) row.memo = { text, at: this.clock.now() };
        for (const { sequence, indexes } of settled) {
          const at = row.chunks.findIndex((chunk) => chunk.sequence === sequence);
          const chunk = row.chunks[at];
          if (chunk === undefined) continue;
          const events = chunk.events.filter(({ index }) => !indexes.includes(index));
          row.chunks.splice(at, 1, ...(events.length === 0 ? [] : [{ ...chunk, events }]));
        }
      },
      release: async (text) => {
        await this.fail('release');
        check();
        row.memo = { text, at: this.clock.now() };
        row.wasReleased = true;
        row.owner = undefined;
      },
    };
  }
}
