import { randomHex, seededRandom, type Random } from '../../src/destinations/heap/simulator/seeded-random.js';
import { connection, destination, destinationId, sourceId, workspaceId } from './connection.js';
import { goJson } from './go-json.js';
import { drawMessage, type Message } from './message.js';

export type Form = 'plain' | 'compacted';
export type Text = 'ascii' | 'non-latin';

/** A request that is ready to be sent. */
export interface PreparedRequest {
  readonly body: Buffer;
  readonly events: number;
}

export interface RequestSet {
  readonly form: Form;
  readonly headers: Readonly<Record<string, string>>;
  readonly requests: readonly PreparedRequest[];
  readonly bytesPerEvent: number;
}

interface Event {
  readonly message: Message;
  readonly metadata: object;
}

const seed = 20_260_301;
const eventCount = 5_000;

/** The same several thousand distinct events at every call; with `non-latin` every tenth has text in other scripts. */
export function drawEvents(text: Text): readonly Event[] {
  const random = seededRandom(seed);
  return Array.from({ length: eventCount }, (_unused, index) => {
    const message = drawMessage(random, index, text === 'non-latin' && index % 10 === 0);
    return { message, metadata: metadataOf(random, message, index) };
  });
}

/** The events as rudder-server's processor sends them, in requests of `eventsPerRequest`. */
export function prepareRequests(events: readonly Event[], form: Form, eventsPerRequest: number): RequestSet {
  const toBody = form === 'plain' ? plainBody : compactedBody;
  const requests: PreparedRequest[] = [];
  for (let first = 0; first + eventsPerRequest <= events.length; first += eventsPerRequest) {
    const body = Buffer.from(goJson(toBody(events.slice(first, first + eventsPerRequest))));
    requests.push({ body, events: eventsPerRequest });
  }
  const bytes = requests.reduce((sum, { body }) => sum + body.byteLength, 0);
  const headers = {
    'Content-Type': 'application/json; charset=utf-8',
    'X-Feature-Gzip-Support': '?1',
    'X-Feature-Filter-Code': '?1',
    ...(form === 'compacted' && { 'X-Content-Format': 'json+compactedv1' }),
  };
  return { form, headers, requests, bytesPerEvent: bytes / (requests.length * eventsPerRequest) };
}

/** How many bytes the parts of an event have on average, as they are written. */
export function partSizes(events: readonly Event[]): {
  readonly message: number;
  readonly metadata: number;
  readonly destination: number;
} {
  const average = (part: (event: Event) => unknown): number =>
    events.reduce((sum, event) => sum + Buffer.byteLength(goJson(part(event))), 0) / events.length;
  return {
    message: average((event) => event.message),
    metadata: average((event) => event.metadata),
    destination: Buffer.byteLength(goJson(destination)),
  };
}

function plainBody(events: readonly Event[]): object {
  return events.map((event) => ({ ...event, destination, connection, libraries: null, credentials: null }));
}

function compactedBody(events: readonly Event[]): object {
  return {
    input: events,
    destinations: { [destinationId]: destination },
    connections: { [`${sourceId}:${destinationId}`]: connection },
  };
}

/** Members in the order of rudder-server's structure; empty what has no rETL, tracking plan or transformation. */
function metadataOf(random: Random, message: Message, index: number): object {
  return {
    jobId: 48_211_000 + index,
    workspaceId,
    rudderId: message.rudderId,
    receivedAt: message.receivedAt,
    partitionId: `${workspaceId}-${index % 64}`,
    messageId: message.messageId,
    eventName: message.event ?? '',
    eventType: message.type,
    sourceId,
    originalSourceId: '',
    sourceDefinitionId: '1sRcDeFiNiTiOnOfBeNcHmArK00',
    sourceName: 'Shop (production)',
    sourceType: 'Javascript',
    sourceCategory: '',
    sourceJobId: '',
    sourceJobRunId: '',
    sourceTaskRunId: '',
    instanceId: 'rudder-server-0',
    namespace: 'shop-production',
    traceparent: `00-${randomHex(random, 32)}-${randomHex(random, 16)}-01`,
    trackingPlanId: '',
    trackingPlanVersion: 0,
    sourceTpConfig: null,
    mergedTpConfig: null,
    destinationId,
    originalDestinationId: '',
    destinationName: 'Heap production',
    destinationType: 'HEAP',
    destinationDefinitionId: '1hEaPdEfInItIoNoFbEnChMaRk0',
    transformationId: '',
    transformationVersionId: '',
    messageIds: null,
  };
}
