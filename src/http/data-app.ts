import express, { type ErrorRequestHandler, type Express, type Request, type Response } from 'express';

import { eventTypes, type EventType } from '../core/event/event.js';
import { takeIn, type IntakeOptions } from '../core/intake.js';
import type { Json } from '../core/json/json.js';
import type { RequestReason } from '../core/reasons.js';
import type { TransformResult } from '../core/transform-result.js';
import { readEvents } from '../sources/segment/read-events.js';
import { writeKeyOf } from '../sources/segment/write-key.js';
import { answerResults, refuse } from './answer.js';
import { readBody } from './read-body.js';

export interface DataAppOptions {
  /** The transform of the connection with this write key. */
  readonly connectionFor: (writeKey: string) => ((event: Json) => TransformResult) | undefined;
  readonly intake: IntakeOptions;
  readonly maxBodyBytes: number;
  /** Events in one request, at most. */
  readonly maxEvents: number;
  readonly isStopping: () => boolean;
  readonly onRefused: (reason: RequestReason) => void;
  readonly onRequest: (route: string, status: number, seconds: number) => void;
  /** Told about errors that are nobody's fault but ours. */
  readonly onError: (error: unknown) => void;
}

/**
 * The data port: `POST /v1/batch` and `POST /v1/{track,identify,page,screen,group,alias}`. A request is refused as a
 * whole only when nothing of it can be used; everything else is answered 200 with a result per event, because SDKs
 * throw a whole batch away on 400, 401 and 413.
 */
export function createDataApp(options: DataAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');

  app.post(
    '/v1/batch',
    timed('/v1/batch', options, (request, response) => ingest(undefined, request, response, options)),
  );
  for (const type of eventTypes) {
    const route = `/v1/${type}`;
    app.post(
      route,
      timed(route, options, (request, response) => ingest(type, request, response, options)),
    );
  }
  app.use(
    timed('other', options, (_request, response) => {
      refuse(
        response,
        'route_unknown',
        options.onRefused,
        'send events to POST /v1/batch or POST /v1/track, identify, page, …',
      );
    }),
  );
  app.use(((error, _request, response, _next) => {
    options.onError(error);
    if (response.headersSent) response.destroy();
    else response.status(500).json({ success: false, error: { message: 'the service failed; the fault is logged' } });
  }) satisfies ErrorRequestHandler);
  return app;
}

/** What nginx logs when a client is gone before its answer. */
const clientLeft = 499;

type Handle = (request: Request, response: Response) => void | Promise<void>;

function timed(route: string, { onRequest }: DataAppOptions, handle: Handle): Handle {
  return (request, response) => {
    const startedAt = performance.now();
    response.once('close', () => {
      onRequest(
        route,
        response.writableFinished ? response.statusCode : clientLeft,
        (performance.now() - startedAt) / 1000,
      );
    });
    return handle(request, response);
  };
}

async function ingest(
  type: EventType | undefined,
  request: Request,
  response: Response,
  { connectionFor, intake, maxBodyBytes, maxEvents, isStopping, onRefused }: DataAppOptions,
): Promise<void> {
  if (isStopping()) {
    response.setHeader('Connection', 'close');
    refuse(response, 'shutting_down', onRefused);
    return;
  }
  const writeKey = writeKeyOf(request.headers.authorization);
  if (writeKey === undefined) {
    refuse(
      response,
      'write_key_missing',
      onRefused,
      'send the write key as the user name of HTTP Basic authentication',
    );
    return;
  }
  const transform = connectionFor(writeKey);
  if (transform === undefined) {
    refuse(response, 'write_key_unknown', onRefused);
    return;
  }
  if (!intake.router.hasRoom()) {
    refuse(response, 'backlog_full', onRefused);
    return;
  }
  const body = await readBody(request, maxBodyBytes);
  if (!body.ok) {
    refuse(response, body.reason, onRefused, body.message);
    return;
  }
  const read = readEvents(body.text, type, {
    receivedAt: intake.clock.now(),
    maxEvents,
    maxSharedLength: maxBodyBytes,
  });
  if (!read.ok) {
    refuse(response, read.reason, onRefused, read.message);
    return;
  }
  const results = await takeIn(read.events, transform, intake);
  if (isStopping()) response.setHeader('Connection', 'close');
  if (results.some((result) => result.outcome === 'pending')) {
    refuse(response, isStopping() ? 'shutting_down' : 'delivery_pending', onRefused, undefined, results);
    return;
  }
  answerResults(response, results);
}
