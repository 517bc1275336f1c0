import { ByteWriter } from '../../core/json/byte-writer.js';
import { isJsonObject, type Json } from '../../core/json/json.js';
import { parseJson } from '../../core/json/parse-json.js';
import type { Destinations } from './destination.js';
import type { BatchOrigin } from './peer-metrics.js';
import { processFast } from './fast/fast-processor.js';
import { DestinationMemory } from './fast/known-destinations.js';
import { transformForProcessor } from './processor-transform.js';
import { readProcessorEvents, readRouterEvents } from './read-events.js';
import { invalidArrayText, transformForRouter, type RouterEnvironment } from './router-transform.js';
import { prepareEvent, type RawEvent, type RouterEvent } from './rudder-event.js';
import { Tally } from './tally.js';

export interface TransformsOptions extends RouterEnvironment {
  /** The destination's type in lower case, as it stands in paths. */
  readonly destType: string;
  readonly destinations: Destinations;
  /** False: every request is read with JSON.parse. */
  readonly isFast: boolean;
  /** Told once per request what became of its events. */
  readonly onTransformed: (tally: Tally, origin: BatchOrigin, seconds: number) => void;
}

/** The answer to a request, or why its body is no such request. */
export type TransformAnswer =
  { readonly ok: true; readonly body: Buffer } | { readonly ok: false; readonly message: string };

/** The two transforms of the protocol, from a request's body to the text of its answer. */
export class Transforms {
  readonly #fastState = { writer: new ByteWriter(), memory: new DestinationMemory() };

  constructor(private readonly options: TransformsOptions) {}

  /** `POST /:version/destinations/:name`, plain or compacted. */
  processor(body: Buffer): TransformAnswer {
    return (this.options.isFast ? this.#processFast(body) : undefined) ?? this.#process(body);
  }

  /** `undefined` where the plain reading has to answer. */
  #processFast(body: Buffer): TransformAnswer | undefined {
    const startedAt = performance.now();
    const tally = new Tally('processor', this.options.destType);
    try {
      const fast = processFast(body, this.options.destinations, this.options, tally, this.#fastState);
      if (fast === undefined) return undefined;
      this.#done(tally, fast.firstMetadata, startedAt);
      return { ok: true, body: fast.body };
    } catch (error) {
      // The plain reading fails event by event, if it fails as well.
      this.options.onFault(error);
      return undefined;
    }
  }

  #process(body: Buffer): TransformAnswer {
    const startedAt = performance.now();
    const parsed = parseJson(body);
    if (parsed === undefined) return { ok: false, message: 'the body is not JSON' };
    const raw = readProcessorEvents(parsed);
    if (raw === undefined) {
      return { ok: false, message: 'the body is neither an array of events nor an object with "input"' };
    }
    const tally = new Tally('processor', this.options.destType);
    const text = transformForProcessor(this.#prepare(raw), this.options, tally);
    this.#done(tally, raw[0]?.metadata, startedAt);
    return { ok: true, body: Buffer.from(text) };
  }

  /** The entries that `POST /routerTransform` and `POST /batch` answer with, as the text of a JSON array. */
  router(body: Json): string {
    const startedAt = performance.now();
    const raw = readRouterEvents(body);
    if (raw.length === 0) return invalidArrayText(this.options.destType);
    const tally = new Tally('router', this.options.destType);
    const text = transformForRouter(this.#prepare(raw), this.options, tally);
    this.#done(tally, raw[0]?.metadata, startedAt);
    return text;
  }

  #done(tally: Tally, firstMetadata: Json | undefined, startedAt: number): void {
    this.options.onTransformed(tally, originOf(firstMetadata), (performance.now() - startedAt) / 1000);
  }

  #prepare(raw: readonly RawEvent[]): readonly RouterEvent[] {
    const { destinations, onFault } = this.options;
    return raw.map((event) => prepareEvent(event, destinations, onFault));
  }
}

function originOf(metadata: Json | undefined): BatchOrigin {
  const text = (key: string): string => {
    const value = isJsonObject(metadata) ? metadata[key] : undefined;
    return typeof value === 'string' ? value : '';
  };
  return { sourceType: text('sourceType'), destinationType: text('destinationType'), namespace: text('namespace') };
}
