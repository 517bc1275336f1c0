import { Fifo } from '../delivery/fifo.js';

/** An event that was set aside. */
export interface SetAside<Position> {
  readonly position: Position;
  readonly keys: readonly string[];
}

/**
 * Keeps one user with a long backlog from filling the memory that a whole lane shares: of each key at most so many events
 * are in memory, later ones are set aside as mere positions in the store, and everyone else's go past them. Events that
 * share a key keep their order.
 */
export class HotKeys<Position> {
  readonly #inMemory = new Map<string, number>();
  readonly #waiting = new Map<string, number>();
  #aside = new Fifo<SetAside<Position>>();
  #mayRelease = false;

  constructor(private readonly maxPerKey: number) {}

  /** Events that are set aside. */
  get size(): number {
    return this.#aside.length;
  }

  /** Whether `release` is worth calling. */
  get mayRelease(): boolean {
    return this.#mayRelease;
  }

  /** True when the event goes into memory now; else it was set aside. */
  enter(position: Position, keys: readonly string[]): boolean {
    if (keys.some((key) => this.#waiting.has(key) || this.#isFull(key))) {
      this.#aside.push({ position, keys });
      for (const key of keys) count(this.#waiting, key, 1);
      return false;
    }
    for (const key of keys) count(this.#inMemory, key, 1);
    return true;
  }

  /** The event is settled. */
  leave(keys: readonly string[]): void {
    for (const key of keys) {
      count(this.#inMemory, key, -1);
      // At half of it, so that going through what is set aside is worth while.
      if (this.#waiting.has(key) && (this.#inMemory.get(key) ?? 0) <= this.maxPerKey / 2) this.#mayRelease = true;
    }
  }

  /** Those that may go into memory now, in their order; they count as being there. */
  release(): readonly SetAside<Position>[] {
    if (!this.#mayRelease) return [];
    this.#mayRelease = false;
    const released: SetAside<Position>[] = [];
    const rest = new Fifo<SetAside<Position>>();
    const blocked = new Set<string>();
    for (const event of this.#aside) {
      const { keys } = event;
      if (keys.some((key) => blocked.has(key) || this.#isFull(key))) {
        for (const key of keys) blocked.add(key);
        rest.push(event);
        continue;
      }
      for (const key of keys) {
        count(this.#waiting, key, -1);
        count(this.#inMemory, key, 1);
      }
      released.push(event);
    }
    this.#aside = rest;
    return released;
  }

  #isFull(key: string): boolean {
    return (this.#inMemory.get(key) ?? 0) >= this.maxPerKey;
  }
}

function count(counts: Map<string, number>, key: string, by: number): void {
  const next = (counts.get(key) ?? 0) + by;
  if (next === 0) counts.delete(key);
  else counts.set(key, next);
}
