import { setTimeout as delay } from 'node:timers/promises';

import type { ClaimedLane, LaneListener } from '../../../../src/core/store/store.js';

/** Writes down what a store says of lanes. */
export class LaneRecorder implements LaneListener {
  readonly held = new Map<string, ClaimedLane>();
  readonly claims: ClaimedLane[] = [];
  readonly appended: string[] = [];
  readonly wanted: string[] = [];
  readonly lost: string[] = [];
  readonly #obliges: boolean;

  /** @param obliges whether it releases what others should have. */
  constructor(obliges = false) {
    this.#obliges = obliges;
  }

  onClaimed(lane: ClaimedLane): void {
    this.claims.push(lane);
    this.held.set(lane.lane, lane);
  }

  onAppended(lane: string): void {
    this.appended.push(lane);
  }

  onWanted(lane: string): void {
    this.wanted.push(lane);
    if (!this.#obliges) return;
    const held = this.held.get(lane);
    this.held.delete(lane);
    held?.release('obliged').catch(() => undefined);
  }

  onLost(lane: string): void {
    this.lost.push(lane);
    this.held.delete(lane);
  }

  async lane(name: string): Promise<ClaimedLane> {
    await until(() => this.held.has(name), `${name} is claimed`);
    const lane = this.held.get(name);
    if (lane === undefined) throw new Error(`${name} was claimed, and is not held`);
    return lane;
  }
}

/** Generous: no test is about speed. */
const deadlineMs = 40_000;

export async function until(holds: () => boolean | Promise<boolean>, what: string): Promise<void> {
  const end = performance.now() + deadlineMs;
  while (!(await holds())) {
    if (performance.now() > end) throw new Error(`it never came that ${what}`);
    await delay(10);
  }
}
