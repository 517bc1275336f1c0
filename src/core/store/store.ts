import type { DeadLetter, DeadLetterFilter, DeadLetterStats, NewDeadLetter } from './dead-letter.js';

/** The events of one request for one lane, as they were read. */
export interface NewChunk {
  readonly lane: string;
  /** Id of the connection that took them in. */
  readonly connection: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** The text of each event, complete, so that it can be transformed again at any time. */
  readonly events: readonly string[];
  /**
   * What each event is known by among those of its connection, or an empty text. Given when repeats are to be told
   * durably: an event whose id was stored before (within the time that the store was opened with) is not stored again.
   */
  readonly ids?: readonly string[];
}

export interface AppendedChunk {
  readonly sequence: number;
  /** Indexes of the events that were not stored, because they had been before; empty where the chunk has no `ids`. */
  readonly repeats: readonly number[];
  /** Where it is known: every open chunk of the lane before this one has a sequence up to this; 0 where there is none. */
  readonly previous?: number;
}

export interface OpenEvent {
  /** Where the event stood in its chunk; it stays, whatever of the chunk is settled. */
  readonly index: number;
  readonly text: string;
}

/** What of a chunk is not settled. */
export interface Chunk {
  readonly lane: string;
  readonly sequence: number;
  readonly connection: string;
  readonly receivedAt: number;
  /** In their order. */
  readonly events: readonly OpenEvent[];
}

export interface SettledEvents {
  readonly sequence: number;
  readonly indexes: readonly number[];
}

/** What waits in a lane; a lane in which nothing waits has none. */
export interface LaneBacklog {
  readonly lane: string;
  readonly events: number;
  /** Of the events' texts in UTF-8. */
  readonly bytes: number;
  /** `receivedAt` of the first open chunk, in milliseconds since the epoch; unknown where that chunk can't be read. */
  readonly oldestAt: number | undefined;
}

/** A text that the lane's sender keeps with the lane, for itself after a restart or for the next one. */
export interface LaneMemo {
  readonly text: string;
  /** How long ago it was written, by the store's clock: the clocks of senders may differ. Never negative. */
  readonly ageMs: number;
}

/**
 * A lane of which this process is the one sender. Calls reject with `LaneLost` once it is not, and change nothing then;
 * with `StoreUnavailable` or `StoreFull` when they can be repeated to more effect.
 */
export interface ClaimedLane {
  readonly lane: string;
  /** Open events when it was claimed, about. */
  readonly events: number;
  /** What the last sender wrote with `settle` or `release`. */
  readonly memo: LaneMemo | undefined;
  /** False when the last sender did not release it: it died, or lost it. Whatever it did after its last memo is not known. */
  readonly wasReleased: boolean;
  /** Whether a request may be begun now: it can be answered, or time out, before anybody else may claim the lane. */
  mayBegin(): boolean;
  /**
   * Open chunks of the lane, from the first with sequence >= `from`, in order: at least one if there is one, and no more
   * once they come to `maxBytes` of events.
   */
  read(from: number, maxBytes: number): Promise<readonly Chunk[]>;
  /**
   * One transaction: the events are settled, the letters and the memo written. Resolves when it is on disk. A chunk whose
   * last event is settled is gone. What is settled already, or was never there, is passed over, so a repeat is harmless.
   */
  settle(settled: readonly SettledEvents[], letters: readonly NewDeadLetter[], memo?: string): Promise<void>;
  /** Gives the lane back: nothing more is sent. Later calls reject with `LaneLost`. */
  release(memo: string): Promise<void>;
}

/** Hears which lanes this process is the sender of. It must not throw. */
export interface LaneListener {
  onClaimed(lane: ClaimedLane): void;
  /** Another process appended to a claimed lane; a hint that may be missing or come twice. */
  onAppended(lane: string): void;
  /** Others should have it: release it soon. */
  onWanted(lane: string): void;
  /** It is somebody else's, or will be: nothing more may be sent. */
  onLost(lane: string): void;
}

/** A letter, and what to append in its place. */
export interface Requeue {
  readonly id: string;
  readonly chunk: NewChunk;
}

export interface DeadLetters {
  /** Letters with `id` > `after`, by id, which is by `rejectedAt`; at most `limit`. */
  list(filter: DeadLetterFilter, after: string | undefined, limit: number): Promise<readonly DeadLetter[]>;
  get(id: string): Promise<DeadLetter | undefined>;
  /** @returns how many of them there were. */
  remove(ids: readonly string[]): Promise<number>;
  /**
   * Letters go and their chunks come, each pair in one transaction and only where the letter is still there: however often
   * this is called, and by whomever, a letter is put back into its lane once. Rejects with `StoreFull` as `append` does.
   *
   * @returns the ids of those that were put back.
   */
  requeue(requeues: readonly Requeue[]): Promise<readonly string[]>;
  stats(): Promise<DeadLetterStats>;
}

/**
 * Keeps what was accepted until it is settled, on disk. What is stored is a chunk, never a single event, and progress is
 * what of each chunk is settled, so that chunks may be finished in any order.
 *
 * A call that is not answered may have been done or not; `settle`, and letters of one origin, may be repeated.
 *
 * Any call may reject with `StoreUnavailable`, after which the same call may succeed, or with `StoreBroken`, after which
 * only a new start of the process helps.
 */
export interface Store {
  /**
   * Resolves when all of it is on disk, or rejects with `StoreFull`, when nothing of it was stored. Sequences grow within
   * a lane in the order of the calls and are never used again. Calls of one moment share a commit. A chunk without events
   * is settled from the start. A lane that has no sender is claimed by this process or another.
   */
  append(chunks: readonly NewChunk[], letters?: readonly NewDeadLetter[]): Promise<readonly AppendedChunk[]>;
  /** From now on this process is the sender of lanes in which something waits; called once. */
  claim(listener: LaneListener): Promise<void>;
  /** What waits in all lanes, whoever sends them. In no order. */
  backlog(): Promise<readonly LaneBacklog[]>;
  readonly deadLetters: DeadLetters;
  /** Finishes the calls that were made, and gives everything back; lanes that are still claimed count as not released. */
  close(): Promise<void>;
}
