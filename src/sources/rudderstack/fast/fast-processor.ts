import { isAscii, isUtf8 } from 'node:buffer';

import type { ByteWriter } from '../../../core/json/byte-writer.js';
import type { Json } from '../../../core/json/json.js';
import type { Destinations } from '../destination.js';
import type { EventIds } from '../failure.js';
import { processEvent, type TransformEnvironment } from '../processor-transform.js';
import type { Tally } from '../tally.js';
import { ByteFlattener } from './byte-flattener.js';
import { readDirect, writeDirect } from './direct-output.js';
import {
  KnownDestinations,
  sameBytes,
  type DestinationMemory,
  type KnownDestination,
  type TextOf,
} from './known-destinations.js';
import { RequestScanner } from './request-scanner.js';
import type { ScannedEvent } from './scanned-event.js';

export interface FastAnswer {
  readonly body: Buffer;
  /** The metadata of the request's first event. */
  readonly firstMetadata: Json | undefined;
}

/** What is kept from request to request; it says nothing of any of them. */
export interface FastState {
  readonly writer: ByteWriter;
  readonly memory: DestinationMemory;
}

/**
 * The answer to a processor's request, made from its bytes: metadata is echoed as it came, a repeated destination is read
 * once, an event that the mapping would only copy is copied, and of any other one `context` and `integrations` stay unread
 * where the mapping does not look at them.
 *
 * @returns `undefined` for every request that is unusual in any way, before anything is counted: the plain reading takes
 *   it, and gives the same answer to any other.
 */
export function processFast(
  body: Buffer,
  destinations: Destinations,
  environment: TransformEnvironment,
  tally: Tally,
  { writer, memory }: FastState,
): FastAnswer | undefined {
  const isPlainText = isAscii(body);
  if (!isPlainText && !isUtf8(body)) return undefined;
  const request = new RequestScanner(body);
  if (!request.scan()) return undefined;
  // Bytes that are characters need no decoding.
  const encoding = isPlainText ? 'latin1' : 'utf8';
  const textOf: TextOf = (start, end) => body.toString(encoding, start, end);
  const known = new KnownDestinations(body, request, destinations, environment, textOf, memory);
  const owners: KnownDestination[] = [];
  for (const event of request.events) {
    const owner = known.of(event);
    if (owner === undefined) return undefined;
    owners.push(owner);
  }

  const ids = new KnownIds(body, textOf);
  const flattener = new ByteFlattener(body);
  writer.takeBack(0);
  writer.byte(openBracket);
  request.events.forEach((event, index) => {
    const owner = owners[index];
    if (owner === undefined) return;
    if (index > 0) writer.byte(comma);
    const direct = owner.texts === undefined ? undefined : readDirect(body, event);
    if (
      direct !== undefined &&
      owner.texts !== undefined &&
      writeDirect(writer, body, event, direct, owner.texts, flattener)
    ) {
      tally.countCopied(direct.kind, ids.of(event));
      return;
    }
    const text = messageText(body, event, textOf, owner.destination.isPeerMapping);
    const rudderEvent = {
      message: JSON.parse(text) as Json,
      metadataText: textOf(event.metadataStart, event.metadataEnd),
      ids: ids.of(event),
      destination: owner.destination,
    };
    writer.text(processEvent(rudderEvent, environment, tally));
  });
  writer.byte(closeBracket);
  const [first] = request.events;
  const firstMetadata =
    first === undefined ? undefined : (JSON.parse(textOf(first.metadataStart, first.metadataEnd)) as Json);
  return { body: writer.finish(), firstMetadata };
}

/** The message's text, with null in the place of what its mapping does not look at. */
function messageText(body: Buffer, event: ScannedEvent, textOf: TextOf, isPeerMapping: boolean): string {
  const { messageStart, messageEnd, contextStart, contextEnd, integrationsStart, integrationsEnd } = event;
  if (!isPeerMapping) return textOf(messageStart, messageEnd);
  const cuts: (readonly [number, number])[] = [];
  if (contextStart > 0 && !needsContext(body, event)) cuts.push([contextStart, contextEnd]);
  if (integrationsStart > 0) cuts.push([integrationsStart, integrationsEnd]);
  cuts.sort(([a], [b]) => a - b);
  let text = '';
  let from = messageStart;
  for (const [start, end] of cuts) {
    text += `${textOf(from, start)}null`;
    from = end;
  }
  return text + textOf(from, messageEnd);
}

/**
 * The peer's mapping looks into `context` for a user where there is no userId, for traits that are not at the root, and
 * for what a warehouse says there.
 */
function needsContext(body: Buffer, event: ScannedEvent): boolean {
  const { userIdStart, userIdEnd, typeStart, typeEnd } = event;
  const hasUserId = userIdStart > 0 && body[userIdStart] === quote && userIdEnd - userIdStart > 2;
  const isTrack = typeStart > 0 && body.compare(trackText, 0, trackText.length, typeStart, typeEnd) === 0;
  return !hasUserId || !isTrack || event.channelStart > 0;
}

/** The ids of neighbours are mostly the same: one object serves them all. */
class KnownIds {
  #last: { readonly event: ScannedEvent; readonly ids: EventIds } | undefined;

  constructor(
    private readonly body: Buffer,
    private readonly textOf: TextOf,
  ) {}

  of(event: ScannedEvent): EventIds {
    const { destinationIdStart, destinationIdEnd, workspaceIdStart, workspaceIdEnd } = event;
    const last = this.#last;
    if (
      last !== undefined &&
      sameBytes(
        this.body,
        last.event.destinationIdStart,
        last.event.destinationIdEnd,
        destinationIdStart,
        destinationIdEnd,
      ) &&
      sameBytes(this.body, last.event.workspaceIdStart, last.event.workspaceIdEnd, workspaceIdStart, workspaceIdEnd)
    ) {
      return last.ids;
    }
    const ids = {
      ...(destinationIdStart === 0 ? {} : { destinationId: this.textOf(destinationIdStart + 1, destinationIdEnd - 1) }),
      ...(workspaceIdStart === 0 ? {} : { workspaceId: this.textOf(workspaceIdStart + 1, workspaceIdEnd - 1) }),
    };
    this.#last = { event, ids };
    return ids;
  }
}

const quote = 0x22;
const comma = 0x2c;
const openBracket = 0x5b;
const closeBracket = 0x5d;
const trackText = Buffer.from('"track"');
