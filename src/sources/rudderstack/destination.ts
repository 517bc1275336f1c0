import type { LaneTarget, Operation } from '../../core/batching/operation.js';
import type { Json, JsonObject } from '../../core/json/json.js';
import { isJsonObject } from '../../core/json/json.js';
import type { TransformResult } from '../../core/transform-result.js';

/** A destination of the control plane, its `Config` read and compiled: what the protocol needs to know of it. */
export interface Destination {
  /** One event to its operations. Total: never changes the event. */
  readonly transform: (message: Json) => TransformResult;
  readonly lane: LaneTarget;
  /** Base URL of the destination's API. */
  readonly baseUrl: string;
  /** The body of a request that carries this operation alone, as JSON text. */
  readonly singleBody: (operation: Operation) => string;
  /** False for an operation that the destination's API is likely to refuse: in a bulk request it would take others with it. */
  readonly fitsBulk: (operation: Operation) => boolean;
  /**
   * Without any option: a track or an identify with flat properties becomes the peer's request by being copied, field by
   * field.
   */
  readonly copies: boolean;
  /** `context` and `integrations` matter only for what `context.traits` says of the user. */
  readonly isPeerMapping: boolean;
  /** One sentence for each setting that is not what it may be; its default is used. */
  readonly faults: readonly string[];
}

/** Compiles a `Config`. Total: what is wrong with it, it tells in `faults`. */
export type CompileDestination = (config: JsonObject) => Destination;

/**
 * Compiled destinations that are kept. With dynamic configuration every event may bring a `Config` of its own, so their
 * number is bounded; compiling one takes 0.1 ms.
 */
const maxKept = 1_000;

/**
 * Compiled destinations by their `Config`. rudder-server sends the whole destination with every request, so a changed
 * setting is simply another `Config`: nothing has to be told to forget the old one.
 */
export class Destinations {
  readonly #kept = new Map<string, Destination>();
  #last: { readonly settings: JsonObject; readonly destination: Destination } | undefined;

  /** @param onFault told once per `Config`, not per event. */
  constructor(
    private readonly compile: CompileDestination,
    private readonly onFault: (fault: string, destinationId: string) => void,
  ) {}

  /**
   * Without a readable `Config` the destination has no settings, as for the peer.
   *
   * @param destination as the control plane describes it.
   */
  of({ Config: config, ID: id }: JsonObject): Destination {
    const settings = isJsonObject(config) ? config : {};
    // The events of a compacted request share one object.
    const last = this.#last;
    if (last?.settings === settings) return last.destination;
    const destination = this.#find(settings, typeof id === 'string' ? id : '');
    this.#last = { settings, destination };
    return destination;
  }

  #find(settings: JsonObject, id: string): Destination {
    const key = JSON.stringify(settings);
    const kept = this.#kept.get(key);
    if (kept !== undefined) return kept;
    const compiled = this.compile(settings);
    for (const fault of compiled.faults) this.onFault(fault, id);
    if (this.#kept.size === maxKept) {
      for (const oldest of this.#kept.keys()) {
        this.#kept.delete(oldest);
        break;
      }
    }
    this.#kept.set(key, compiled);
    return compiled;
  }
}
