import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import type { RawEvent } from './rudder-event.js';

/** The events of a request to the processor's transform; `undefined` where the body is no such request. */
export function readProcessorEvents(body: Json): readonly RawEvent[] | undefined {
  if (isJsonArray(body)) return body.map((element) => readElement(element));
  return isJsonObject(body) && isJsonArray(body.input) ? readCompacted(body, body.input) : undefined;
}

/** The events of a request to the router's transform. An absent or odd `input` holds none. */
export function readRouterEvents(body: Json): readonly RawEvent[] {
  if (!isJsonObject(body) || !isJsonArray(body.input)) return [];
  return readCompacted(body, body.input);
}

/**
 * Compacted bodies keep the destinations beside the events and name them in the metadata. They are known by their shape;
 * the header that announces them adds nothing to it. What an event brings itself comes first.
 */
function readCompacted({ destinations }: JsonObject, input: readonly Json[]): readonly RawEvent[] {
  if (!isJsonObject(destinations)) return input.map((element) => readElement(element));
  return input.map((element) => {
    const event = readElement(element);
    if (event.destination !== undefined) return event;
    const id = isJsonObject(event.metadata) ? event.metadata.destinationId : undefined;
    const isNamed = typeof id === 'string' && Object.hasOwn(destinations, id);
    return isNamed ? { ...event, destination: destinations[id] } : event;
  });
}

function readElement(element: Json): RawEvent {
  if (!isJsonObject(element)) return { message: undefined, metadata: undefined, destination: undefined };
  const { message, metadata, destination } = element;
  return { message, metadata, destination };
}
