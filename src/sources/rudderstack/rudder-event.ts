import { isJsonObject, type Json } from '../../core/json/json.js';
import type { CompiledDestination } from '../../core/compiled-destination.js';
import type { Destinations } from './destination.js';
import { hasTemplates, resolveDynamicConfig } from './dynamic-config.js';
import type { EventIds } from './failure.js';

/** One event of a request, ready to be transformed. */
export interface RudderEvent {
  /** The message; parts that its destination does not look at may be missing. */
  readonly message: Json | undefined;
  /** The metadata as JSON text, to be echoed; `undefined` where the event has none. */
  readonly metadataText: string | undefined;
  readonly ids: EventIds;
  /** `undefined` where the request does not say which it is. */
  readonly destination: CompiledDestination | undefined;
  /** The event met a fault of this service on its way here. */
  readonly isBroken?: true;
}

/** One element of a request's events, as it came. */
export interface RawEvent {
  readonly message: Json | undefined;
  readonly metadata: Json | undefined;
  readonly destination: Json | undefined;
}

/** An event of a router's request: its jobs are told apart, ordered and grouped by their metadata. */
export interface RouterEvent extends RudderEvent {
  readonly metadata: Json | undefined;
  /** Echoed beside the requests that are made for it. */
  readonly destinationText: string | undefined;
  readonly sourceDestinationId: string | undefined;
}

/**
 * Evaluates the dynamic configuration of an event and compiles its destination. Total: one event's fault is its own.
 *
 * @param onFault told about a fault of this service.
 */
export function prepareEvent(
  raw: RawEvent,
  destinations: Destinations,
  onFault: (error: unknown) => void,
): RouterEvent {
  try {
    const { message, metadata, destination } = isDynamic(raw.destination) ? resolveDynamicConfig(raw) : raw;
    const compiled = isJsonObject(destination) ? destinations.of(destination) : undefined;
    return describe(raw, message, metadata, compiled);
  } catch (error) {
    onFault(error);
    return { ...describe(raw, raw.message, raw.metadata, undefined), isBroken: true };
  }
}

function describe(
  raw: RawEvent,
  message: Json | undefined,
  metadata: Json | undefined,
  destination: CompiledDestination | undefined,
): RouterEvent {
  return {
    message,
    metadata,
    metadataText: metadata === undefined ? undefined : echoText(metadata),
    ids: idsOf(metadata),
    destination,
    // As it was sent: rudder-server finds the destination again by it.
    get destinationText() {
      return raw.destination === undefined ? undefined : echoText(raw.destination);
    },
    sourceDestinationId: textOf(isJsonObject(raw.destination) ? raw.destination.ID : undefined),
  };
}

/** rudder-server says `false` where it saw no template; anything else means: look. */
function isDynamic(destination: Json | undefined): boolean {
  return isJsonObject(destination) && destination.hasDynamicConfig !== false && hasTemplates(destination.Config);
}

/** Only text: rudder-server's process ends over a tag or a label that is none. */
export function idsOf(metadata: Json | undefined): EventIds {
  if (!isJsonObject(metadata)) return {};
  const destinationId = textOf(metadata.destinationId);
  const workspaceId = textOf(metadata.workspaceId);
  return {
    ...(destinationId === undefined ? {} : { destinationId }),
    ...(workspaceId === undefined ? {} : { workspaceId }),
  };
}

function textOf(value: Json | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/**
 * A value as JSON text. One that is nested deeper than the stack is, and deeper than rudder-server reads (10,000
 * levels), is echoed without its containers: the scalars are what its event is found again by.
 */
export function echoText(value: Json): string {
  try {
    return JSON.stringify(value);
  } catch {
    const entries = isJsonObject(value) ? Object.entries(value) : [];
    return JSON.stringify(Object.fromEntries(entries.filter(([, member]) => typeof member !== 'object')));
  }
}
