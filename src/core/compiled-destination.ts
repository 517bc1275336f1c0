import type { LaneTarget, Operation } from './batching/operation.js';
import type { Json } from './json/json.js';
import type { TransformResult } from './transform-result.js';

/** A destination as a CDP's control plane describes it, its settings read and compiled once. */
export interface CompiledDestination {
  /** One event to its operations. Total: never throws, never changes the event. */
  readonly transform: (message: Json) => TransformResult;
  readonly lane: LaneTarget;
  /** Base URL of the destination's API. */
  readonly baseUrl: string;
  /** The body of a request that carries this operation alone, as JSON text. */
  readonly singleBody: (operation: Omit<Operation, 'keys'>) => string;
  /** False for an operation that the destination is likely to refuse: in a bulk request it could take others with it. */
  readonly fitsBulk: (operation: Operation) => boolean;
  /** True without any option: what the rudderstack preset does of flat events is then to copy their fields. */
  readonly copies: boolean;
  /**
   * True where only the peer's own fields are looked at: `context` then matters for nothing but what it says of the
   * user in its traits, and `integrations` for nothing.
   */
  readonly isPeerMapping: boolean;
  /** One sentence for each setting that is not what it may be; its default is used. Quotes no values. */
  readonly faults: readonly string[];
}
