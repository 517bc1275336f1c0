import {
  matchesFilter,
  type DeadLetter,
  type DeadLetterFilter,
  type DeadLetterStats,
  type NewDeadLetter,
} from '../../src/core/store/dead-letter.js';
import type { DeadLetters, NewChunk, Requeue } from '../../src/core/store/store.js';

/** Dead letters in memory, with what was put back into lanes. `fail` is called before each call, and may throw. */
export class MemoryDeadLetters implements DeadLetters {
  readonly #letters = new Map<string, DeadLetter>();
  readonly requeued: NewChunk[] = [];
  /** The longest answer of `list`. */
  longestPage = 0;
  fail: (call: 'list' | 'get' | 'remove' | 'requeue' | 'stats') => void = () => undefined;

  constructor(letters: readonly NewDeadLetter[] = []) {
    for (const letter of letters) this.add(letter);
  }

  /** @returns its id. */
  add(letter: NewDeadLetter): string {
    const id = `${String(letter.rejectedAt).padStart(15, '0')}-${letter.origin}`;
    this.#letters.set(id, { ...letter, id });
    return id;
  }

  get ids(): readonly string[] {
    return [...this.#letters.keys()].sort();
  }

  async list(filter: DeadLetterFilter, after: string | undefined, limit: number): Promise<readonly DeadLetter[]> {
    await this.#call('list');
    const page: DeadLetter[] = [];
    for (const id of this.ids) {
      const letter = this.#letters.get(id);
      if (letter === undefined || (after !== undefined && id <= after) || !matchesFilter(letter, filter)) continue;
      if (page.length === limit) break;
      page.push(letter);
    }
    this.longestPage = Math.max(this.longestPage, page.length);
    return page;
  }

  async get(id: string): Promise<DeadLetter | undefined> {
    await this.#call('get');
    return this.#letters.get(id);
  }

  async remove(ids: readonly string[]): Promise<number> {
    await this.#call('remove');
    return ids.filter((id) => this.#letters.delete(id)).length;
  }

  async requeue(requeues: readonly Requeue[]): Promise<readonly string[]> {
    await this.#call('requeue');
    const there = requeues.filter(({ id }) => this.#letters.delete(id));
    this.requeued.push(...there.map(({ chunk }) => chunk));
    return there.map(({ id }) => id);
  }

  async stats(): Promise<DeadLetterStats> {
    await this.#call('stats');
    const [oldest] = this.ids;
    const bytes = [...this.#letters.values()].reduce((sum, { event }) => sum + event.length, 0);
    return {
      letters: this.#letters.size,
      bytes,
      oldestAt: oldest === undefined ? undefined : this.#letters.get(oldest)?.rejectedAt,
    };
  }

  async #call(call: Parameters<MemoryDeadLetters['fail']>[0]): Promise<void> {
    await Promise.resolve();
    this.fail(call);
  }
}

const noon = Date.UTC(2026, 2, 10, 12);

/** The letter of a track event, the `index`th second after noon of 10 March 2026, but for what is given. */
export function letterOf(index: number, fields: Partial<NewDeadLetter> = {}): NewDeadLetter {
  const event = { type: 'track', userId: `user ${index}`, event: 'Paid', messageId: `m-${index}` };
  return {
    lane: 'us:11',
    connection: 'web',
    receivedAt: noon,
    rejectedAt: noon + index * 1_000,
    reason: 'heap_rejected',
    detail: 'HTTP 400 no',
    attempts: 1,
    messageId: event.messageId,
    event: JSON.stringify(event),
    delivered: [],
    origin: `us:11/1/${index}`,
    ...fields,
  };
}
