import type { CompiledDestination } from '../../core/compiled-destination.js';
import { isJsonObject, type JsonObject } from '../../core/json/json.js';

/** Compiles a `Config`. Total: what is wrong with it, it tells in `faults`. */
export type CompileDestination = (config: JsonObject) => CompiledDestination;

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
  readonly #kept = new Map<string, CompiledDestination>();
  #last: { readonly settings: JsonObject; readonly destination: CompiledDestination } | undefined;

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
  of({ Config: config, ID: id }: JsonObject): CompiledDestination {
    const settings = isJsonObject(config) ? config : {};
    // The events of a compacted request share one object.
    const last = this.#last;
    if (last?.settings === settings) return last.destination;
    const destination = this.#find(settings, typeof id === 'string' ? id : '');
    this.#last = { settings, destination };
    return destination;
  }

  #find(settings: JsonObject, id: string): CompiledDestination {
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
