import { isJsonObject, type Json } from '../../../core/json/json.js';
import type { CompiledDestination } from '../../../core/compiled-destination.js';
import type { Destinations } from '../destination.js';
import { hasTemplates } from '../dynamic-config.js';
import { entryHead, type TransformEnvironment } from '../processor-transform.js';
import type { DirectTexts } from './direct-output.js';
import { RecentBytes } from './recent-bytes.js';
import type { RequestScanner } from './request-scanner.js';
import type { ScannedEvent } from './scanned-event.js';

/** A part of the request as text. */
export type TextOf = (start: number, end: number) => string;

/** A destination and what is written around every event of it. */
export interface KnownDestination {
  readonly destination: CompiledDestination;
  /** `undefined` where events go through the mapping. */
  readonly texts: DirectTexts | undefined;
}

/** What the destinations of earlier requests were read to; see {@link RecentBytes}. */
export class DestinationMemory {
  readonly own = new RecentBytes<KnownDestination | undefined>();
  readonly shared = new RecentBytes<ReadonlyMap<string, KnownDestination>>();
}

/** The destinations of a request; each is read once, however many events and requests bring it. */
export class KnownDestinations {
  readonly #shared: ReadonlyMap<string, KnownDestination> | undefined;
  #last: { readonly start: number; readonly end: number; readonly owner: KnownDestination } | undefined;

  constructor(
    private readonly body: Buffer,
    request: RequestScanner,
    private readonly destinations: Destinations,
    private readonly environment: TransformEnvironment,
    private readonly textOf: TextOf,
    private readonly memory: DestinationMemory,
  ) {
    const { destinationsStart: start, destinationsEnd: end } = request;
    if (start > 0) this.#shared = memory.shared.get(body, start, end, () => this.#readShared(textOf(start, end)));
  }

  /** `undefined` where there is none, or one whose configuration is dynamic. */
  of(event: ScannedEvent): KnownDestination | undefined {
    const isOwn = event.destinationStart > 0;
    const start = isOwn ? event.destinationStart : event.destinationIdStart;
    const end = isOwn ? event.destinationEnd : event.destinationIdEnd;
    if (start === 0) return undefined;
    const last = this.#last;
    if (last !== undefined && sameBytes(this.body, last.start, last.end, start, end)) return last.owner;
    const owner = isOwn
      ? this.memory.own.get(this.body, start, end, () => this.#read(JSON.parse(this.textOf(start, end)) as Json))
      : this.#shared?.get(this.textOf(start, end).slice(1, -1));
    if (owner !== undefined) this.#last = { start, end, owner };
    return owner;
  }

  #readShared(text: string): ReadonlyMap<string, KnownDestination> {
    const shared = new Map<string, KnownDestination>();
    const value = JSON.parse(text) as Json;
    if (!isJsonObject(value)) return shared;
    for (const [id, destination] of Object.entries(value)) {
      const read = this.#read(destination);
      if (read !== undefined) shared.set(id, read);
    }
    return shared;
  }

  #read(value: Json): KnownDestination | undefined {
    if (!isJsonObject(value)) return undefined;
    if (value.hasDynamicConfig !== false && hasTemplates(value.Config)) return undefined;
    const destination = this.destinations.of(value);
    return { destination, texts: destination.copies ? directTexts(destination, this.environment) : undefined };
  }
}

/** An entry as `processEvent` writes it, up to the first part that is the event's own. */
function directTexts(destination: CompiledDestination, { rules }: TransformEnvironment): DirectTexts {
  const head = (kind: string, firstKey: string): Buffer => {
    const url = `${destination.baseUrl}${rules[kind]?.path ?? ''}`;
    const item = destination.singleBody({ lane: destination.lane, kind, text: '{}', bytes: 2 });
    const entry = entryHead(url, item.slice(0, -1));
    // Behind the app_id, where there is one, stands a comma already.
    return Buffer.from(`${entry}"${firstKey}":`);
  };
  return { trackHead: head('track', 'event'), userHead: head('addUserProperties', 'properties') };
}

/** Are two parts of the request written with the same bytes? */
export function sameBytes(body: Buffer, aStart: number, aEnd: number, bStart: number, bEnd: number): boolean {
  if (aEnd - aStart !== bEnd - bStart) return false;
  return aStart === bStart || body.compare(body, aStart, aEnd, bStart, bEnd) === 0;
}
