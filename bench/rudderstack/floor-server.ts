/**
 * The floor: what a transformer that calls JSON.parse and JSON.stringify can't do without. It answers POST with the
 * answer that the protocol wants, properties as they came; nothing is checked, flattened, counted or logged.
 * Usage: PORT=<port> node floor-server.js
 */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';

interface Destination {
  readonly Config: { readonly appId: string };
}

interface Input {
  readonly message: {
    readonly type: string;
    readonly event?: string;
    readonly userId?: string;
    readonly anonymousId?: string;
    readonly timestamp?: string;
    readonly originalTimestamp?: string;
    readonly properties?: object;
    readonly context: { readonly traits?: object };
  };
  readonly metadata: { readonly destinationId: string };
  readonly destination?: Destination;
}

interface CompactedBody {
  readonly input: readonly Input[];
  readonly destinations: Readonly<Record<string, Destination>>;
}

function answerTo(body: readonly Input[] | CompactedBody): readonly object[] {
  if ('input' in body)
    return body.input.map((event) => entryFor(event, body.destinations[event.metadata.destinationId]));
  return body.map((event) => entryFor(event, event.destination));
}

function entryFor({ message, metadata }: Input, destination: Destination | undefined): object {
  const identity = message.userId === undefined || message.userId === '' ? message.anonymousId : message.userId;
  const isTrack = message.type === 'track';
  const app_id = destination?.Config.appId;
  const json = isTrack
    ? {
        identity,
        properties: message.properties,
        app_id,
        event: message.event,
        timestamp: message.timestamp ?? message.originalTimestamp,
      }
    : { identity, properties: message.context.traits, app_id };
  return {
    output: {
      version: '1',
      type: 'REST',
      method: 'POST',
      endpoint: `https://heapanalytics.com/api/${isTrack ? 'track' : 'add_user_properties'}`,
      headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
      params: {},
      body: { JSON: json, JSON_ARRAY: {}, XML: {}, FORM: {} },
      files: {},
      userId: message.anonymousId ?? '',
    },
    metadata,
    statusCode: 200,
  };
}

function answer(request: IncomingMessage, response: ServerResponse): void {
  const chunks: Buffer[] = [];
  request.on('data', (chunk: Buffer) => chunks.push(chunk));
  request.on('end', () => {
    const body = Buffer.concat(chunks).toString();
    const text = body === '' ? '[]' : JSON.stringify(answerTo(JSON.parse(body) as readonly Input[] | CompactedBody));
    response.writeHead(200, {
      apiVersion: '2',
      'Content-Type': 'application/json; charset=utf-8',
      'Content-Length': Buffer.byteLength(text),
    });
    response.end(text);
  });
}

createServer(answer).listen(Number(process.env.PORT), '127.0.0.1');
