import type { Clock } from '../../clock.js';
import type { NewDeadLetter } from '../dead-letter.js';
import { LaneLost } from '../lane-lost.js';
import type { Chunk, ClaimedLane, LaneMemo, SettledEvents } from '../store.js';
import type { CommitQueue } from './commit-queue.js';
import { releaseLane, writeMemo } from './lane-rows.js';
import { encodeLetter, writeLetters } from './letter-rows.js';
import { settleEvents } from './settle-events.js';
import type { Unreadable } from './unreadable.js';

/** What all lanes of a store share. */
export interface LaneTools {
  readonly queue: CommitQueue;
  readonly clock: Clock;
  readonly read: (lane: string, from: number, maxBytes: number) => readonly Chunk[];
  readonly onUnreadable: (unreadable: readonly Unreadable[]) => void;
  readonly onLettersWritten: () => void;
}

/** What settling a chunk may write, about; a transaction settles no more than a thousand, which takes its time. */
const bytesPerSettledChunk = 8_192;

/** A lane of a store that only this process has: it is lost by nothing but being given back. */
export class LmdbLane implements ClaimedLane {
  readonly lane: string;
  readonly events: number;
  readonly memo: LaneMemo | undefined;
  readonly wasReleased: boolean;
  readonly #tools: LaneTools;
  #isReleased = false;
  #isClosed = false;

  constructor(tools: LaneTools, claim: Pick<ClaimedLane, 'lane' | 'events' | 'memo' | 'wasReleased'>) {
    this.#tools = tools;
    this.lane = claim.lane;
    this.events = claim.events;
    this.memo = claim.memo;
    this.wasReleased = claim.wasReleased;
  }

  mayBegin(): boolean {
    return !this.#isReleased && !this.#isClosed;
  }

  read(from: number, maxBytes: number): Promise<readonly Chunk[]> {
    return new Promise((resolve) => {
      this.#refuseWhenLost();
      resolve(this.#tools.read(this.lane, from, maxBytes));
    });
  }

  async settle(settled: readonly SettledEvents[], letters: readonly NewDeadLetter[], memo?: string): Promise<void> {
    this.#refuseWhenLost();
    const { queue, clock, onUnreadable, onLettersWritten } = this.#tools;
    const encodedLetters = letters.map(encodeLetter);
    const now = clock.now();
    const unreadable = await queue.write({
      adds: false,
      bytes: encodedLetters.reduce((sum, { record }) => sum + record.length, settled.length * bytesPerSettledChunk),
      draft: (draft) => {
        writeLetters(draft, encodedLetters);
        if (memo !== undefined) writeMemo(draft, this.lane, memo, now);
        return settleEvents(draft, this.lane, settled);
      },
    });
    onUnreadable(unreadable);
    if (letters.length > 0) onLettersWritten();
  }

  async release(memo: string): Promise<void> {
    this.#refuseWhenLost();
    this.#isReleased = true;
    const { queue, clock } = this.#tools;
    const now = clock.now();
    const draft = (draft: Parameters<typeof releaseLane>[0]): void => {
      releaseLane(draft, this.lane, memo, now);
      draft.setClaimed(this.lane, false);
    };
    try {
      await queue.write({ adds: false, bytes: memo.length, draft });
    } catch (error) {
      // It can be repeated: nobody else has the lane.
      this.#isReleased = false;
      throw error;
    }
  }

  /** Its store is closed. */
  lose(): void {
    this.#isClosed = true;
  }

  #refuseWhenLost(): void {
    if (!this.mayBegin()) throw new LaneLost(`${this.lane} is not this sender's any more`);
  }
}
