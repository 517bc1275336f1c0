import { expect } from '@jest/globals';

import type { StoreUser } from '../store-user.js';
import type { FactOf, Settling } from './crash-facts.js';

interface KnownMemo {
  confirmed: number;
  /** The call that was writing the next one. */
  underWay: Settling | undefined;
}

/** Who held each lane, and what was written for its next sender. */
export class CrashHandovers {
  readonly #memos = new Map<string, KnownMemo>();
  /** Since the last check. */
  readonly #claimed = new Set<string>();
  readonly #everClaimed = new Set<string>();
  /** By the last check. */
  readonly #released = new Set<string>();

  claimed({ lane, wasReleased, memo }: FactOf<'claimed'>): void {
    const expected = this.#released.has(lane) || !this.#everClaimed.has(lane);
    if (wasReleased !== expected) throw new Error(`${lane} was claimed as ${wasReleased ? '' : 'not '}released`);
    if (this.#released.has(lane)) expect(Number(memo ?? 0)).toBe(this.#memos.get(lane)?.confirmed ?? 0);
    this.#claimed.add(lane);
    this.#everClaimed.add(lane);
  }

  settling(fact: Settling): void {
    const known = this.#memos.get(fact.lane) ?? { confirmed: 0, underWay: undefined };
    if (fact.memo <= known.confirmed) throw new Error(`a memo of ${fact.lane} is lost`);
    known.underWay = fact;
    this.#memos.set(fact.lane, known);
  }

  settled({ lane, memo }: Settling): void {
    this.#memos.set(lane, { confirmed: memo, underWay: undefined });
  }

  /** Looks at the lanes in which something waits, and gives them back. */
  async check(user: StoreUser): Promise<void> {
    this.#released.clear();
    for (const { lane: name } of await user.backlog()) {
      const lane = await user.lane(name);
      if (this.#claimed.has(name)) expect(lane.wasReleased).toBe(false);
      const found = Number(lane.memo?.text ?? 0);
      const { confirmed, underWay } = this.#memos.get(name) ?? { confirmed: 0, underWay: undefined };
      if (underWay === undefined) expect(found).toBe(confirmed);
      else {
        const { sequence, indexes, memo } = underWay;
        const chunk = (await lane.read(sequence, 1)).find((candidate) => candidate.sequence === sequence);
        const isOpen = chunk?.events.some(({ index }) => indexes.includes(index)) ?? false;
        // With the events, or not at all.
        expect(found).toBe(isOpen ? confirmed : memo);
      }
      this.#memos.set(name, { confirmed: found, underWay: undefined });
      await user.holder.release(name, String(found));
      this.#released.add(name);
      this.#everClaimed.add(name);
    }
    this.#claimed.clear();
  }
}
