import type { LaneTarget } from './operation.js';

/** How operations of one kind become requests; supplied by the destination. */
export interface KindRules {
  /**
   * Requests of a lower stage are settled before those of a higher one are sent: a user's properties reach the
   * destination before the events that follow them.
   */
  readonly stage: number;
  /** Items per request; 1 where the destination has no bulk form. */
  readonly maxItems: number;
  /**
   * The item that has the effect of all of these, one after the other; for kinds whose operations have a merge key.
   * `first`: the first item says it all.
   */
  readonly merge?: 'first' | ((items: readonly string[]) => string);
  /** Bytes of the body beside the items and the commas between them. */
  readonly overheadBytes: (lane: LaneTarget) => number;
  /** The body of a request with these items, each a JSON object's text. */
  readonly wrap: (lane: LaneTarget, items: readonly string[]) => string;
  readonly path: string;
}

export type RequestRules = Readonly<Record<string, KindRules>>;
