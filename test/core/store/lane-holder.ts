import { setTimeout as delay } from 'node:timers/promises';

import type { ClaimedLane, LaneListener } from '../../../src/core/store/store.js';

/** Generous: another process may have to notice something first. */
const deadlineMs = 30_000;
const pollMs = 5;

/** Takes the lanes that a store hands over, and keeps them until they are released or lost. */
export class LaneHolder implements LaneListener {
  /** Every claim, in its order. */
  readonly claims: ClaimedLane[] = [];
  /** What a store must not do; to be compared with an empty list. */
  readonly problems: string[] = [];
  readonly #held = new Map<string, ClaimedLane>();
  readonly #onClaimed: (lane: ClaimedLane) => void;

  constructor(onClaimed: (lane: ClaimedLane) => void = () => undefined) {
    this.#onClaimed = onClaimed;
  }

  onClaimed(lane: ClaimedLane): void {
    if (this.#held.has(lane.lane)) this.problems.push(`${lane.lane} was claimed twice`);
    this.claims.push(lane);
    this.#held.set(lane.lane, lane);
    this.#onClaimed(lane);
  }

  onAppended(lane: string): void {
    if (!this.#held.has(lane)) this.problems.push(`${lane} was appended to, and is not claimed`);
  }

  onWanted(): void {
    // Others would have to wait for it: nobody does.
  }

  onLost(lane: string): void {
    this.#held.delete(lane);
  }

  /** The lane where it is held now. */
  held(lane: string): ClaimedLane | undefined {
    return this.#held.get(lane);
  }

  /** The lane as soon as it is held. */
  async lane(lane: string): Promise<ClaimedLane> {
    for (let waited = 0; waited < deadlineMs; waited += pollMs) {
      const held = this.#held.get(lane);
      if (held !== undefined) return held;
      await delay(pollMs);
    }
    throw new Error(`${JSON.stringify(lane)} was not claimed`);
  }

  async release(lane: string, memo: string): Promise<ClaimedLane> {
    const held = await this.lane(lane);
    this.#held.delete(lane);
    await held.release(memo);
    return held;
  }
}
