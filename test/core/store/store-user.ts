import type { NewDeadLetter } from '../../../src/core/store/dead-letter.js';
import type {
  AppendedChunk,
  ClaimedLane,
  LaneBacklog,
  NewChunk,
  OpenEvent,
  Store,
} from '../../../src/core/store/store.js';
import { LaneHolder } from './lane-holder.js';

/** A store that outlives its process. Its stores are opened with `dedupeMs` of a day. */
export interface StoreHarness {
  readonly store: Store;
  /**
   * Opens it anew: after `close`, or as a process that was killed leaves it. Resolves when the new store may claim
   * whatever the former one had claimed.
   */
  reopen(left: 'closed' | 'abandoned'): Promise<void>;
  end(): Promise<void>;
}

export const everything = Number.MAX_SAFE_INTEGER;

/** A process that uses a store: it takes whatever lane it gets. */
export class StoreUser {
  readonly #harness: StoreHarness;
  readonly #onClaimed: ((lane: ClaimedLane) => void) | undefined;
  #holder: LaneHolder;

  private constructor(harness: StoreHarness, onClaimed: ((lane: ClaimedLane) => void) | undefined) {
    this.#harness = harness;
    this.#onClaimed = onClaimed;
    this.#holder = new LaneHolder(onClaimed);
  }

  static async start(harness: StoreHarness, onClaimed?: (lane: ClaimedLane) => void): Promise<StoreUser> {
    const user = new StoreUser(harness, onClaimed);
    await user.store.claim(user.holder);
    return user;
  }

  get store(): Store {
    return this.#harness.store;
  }

  get holder(): LaneHolder {
    return this.#holder;
  }

  async reopen(left: 'closed' | 'abandoned'): Promise<void> {
    this.#expectNoProblems();
    await this.#harness.reopen(left);
    this.#holder = new LaneHolder(this.#onClaimed);
    await this.store.claim(this.#holder);
  }

  async end(): Promise<void> {
    await this.#harness.end();
    this.#expectNoProblems();
  }

  lane(lane: string): Promise<ClaimedLane> {
    return this.#holder.lane(lane);
  }

  /** @returns sequences. */
  async append(chunks: readonly NewChunk[], letters?: readonly NewDeadLetter[]): Promise<readonly number[]> {
    return sequencesOf(await this.store.append(chunks, letters));
  }

  async settle(lane: string, sequence: number, indexes: readonly number[], memo?: string): Promise<void> {
    await (await this.lane(lane)).settle([{ sequence, indexes }], [], memo);
  }

  /** All open events of a lane in which something waits. */
  async open(lane: string): Promise<readonly OpenEvent[]> {
    const chunks = await (await this.lane(lane)).read(0, everything);
    return chunks.flatMap(({ events }) => events);
  }

  /** By lane. */
  async backlog(): Promise<readonly LaneBacklog[]> {
    return [...(await this.store.backlog())].sort((one, other) => (one.lane < other.lane ? -1 : 1));
  }

  #expectNoProblems(): void {
    if (this.#holder.problems.length > 0) throw new Error(this.#holder.problems.join('; '));
  }
}

export function sequencesOf(appended: readonly AppendedChunk[]): readonly number[] {
  return appended.map(({ sequence }) => sequence);
}
