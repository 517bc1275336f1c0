import type { Mix, Numbers } from './numbered-body.js';

/** What all contenders of a row do in a round. */
export interface EndToEndPlan {
  readonly lanes: number;
  readonly eventsPerRequest: number;
  readonly mix: Mix;
  readonly events: number;
  /** Requests to the door at once. */
  readonly callers: number;
  /**
   * Events that were confirmed and have not reached Heap, at most, so that each contender is measured while it keeps up:
   * what piles up in a store has to be read from it, which the one without could not do.
   */
  readonly maxUnderWay: number;
}

export interface NoDoorOrder extends EndToEndPlan {
  readonly numbers: Numbers;
}

/** What a round took. */
export interface EndToEndRound {
  readonly events: number;
  readonly tracks: number;
  /** From the first request to the last event at Heap. */
  readonly wallMs: number;
  /** Of the serving process, until the store is empty. */
  readonly serviceCpuMs: number;
  readonly databaseCpuMs: number;
  readonly walBytes: number;
  readonly numbers: Numbers;
}
