import type { LaneTarget } from './batching/operation.js';
import type { Json } from './json/json.js';
import type { RejectionReason } from './reasons.js';
import type { TransformResult } from './transform-result.js';

/** One event to its operations. Total: never throws, never changes the event. */
export type TransformEvent = (event: Json) => TransformResult;

/** A connection, compiled once. */
export interface CompiledConnection {
  readonly id: string;
  /** Where all of its operations go. */
  readonly lane: LaneTarget;
  readonly transform: TransformEvent;
  /**
   * What the event is known by among those of its connection, or an empty text: an event with the same key is the same
   * event. A messageId that is nobody's, such as "null", is none.
   */
  readonly eventKey: (event: Json) => string;
  /** Says at once, and cheaply, what no mapping can make anything of; the rest is seen when the event is transformed. */
  readonly check: (event: Json) => EventFault | undefined;
}

export interface EventFault {
  readonly reason: RejectionReason;
  readonly detail: string;
}
