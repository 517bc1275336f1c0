import express, { type ErrorRequestHandler, type Express, type Request } from 'express';

import { answerResults, refuse } from './answer.js';
import { allowOrigins } from './data/allow-origins.js';
import type { DataAppOptions } from './data/data-app-options.js';
import { eventRoutes } from './data/event-routes.js';
import { ingestEvents } from './data/ingest-events.js';
import { oneSlash } from './data/one-slash.js';
import { receiveWebhook } from './data/receive-webhook.js';
import { sendCdnSettings, sendSourceConfig } from './data/sdk-settings.js';
import { timed } from './data/timed.js';

export type { DataAppOptions } from './data/data-app-options.js';

/**
 * The data port: the routes that Segment's, RudderStack's and Jitsu's SDKs post events to, the two that their browser SDKs
 * ask for settings, and `POST /v1/webhook/{connection}` for the webhook destinations of CDPs. A request is refused as a
 * whole only when nothing of it can be used; everything else is answered 200 with a result per event, because SDKs throw
 * a whole batch away on 400, 401 and 413.
 */
export function createDataApp(options: DataAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.use(oneSlash);

  // Before the origins: no page of a browser has any business here.
  const webhook = '/v1/webhook/:connection';
  app.post(
    webhook,
    timed(webhook, options, (request, response) =>
      receiveWebhook(parameter(request, 'connection'), request, response, options),
    ),
  );

  app.use(allowOrigins(options.allowedOrigins ?? ['*'], options));
  for (const { path, type, label } of eventRoutes) {
    app.post(
      path,
      timed(label, options, (request, response) => ingestEvents(type, request, response, options)),
    );
  }
  // What Segment's browser SDK counts about itself, where its settings let it: it is not ours, and asking again is no use.
  app.post(
    '/v1/m',
    timed('/v1/m', options, (_request, response) => {
      answerResults(response, []);
    }),
  );
  app.get(
    '/sourceConfig',
    timed('/sourceConfig', options, (request, response) => {
      sendSourceConfig(request, response, options);
    }),
  );
  const settings = '/v1/projects/:writeKey/settings';
  app.get(
    settings,
    timed(settings, options, (request, response) => {
      sendCdnSettings(parameter(request, 'writeKey'), request, response, options);
    }),
  );
  const unknownRoute = timed('other', options, (_request, response) => {
    refuse(
      response,
      'route_unknown',
      options.onRefused,
      'send events to POST /v1/batch or POST /v1/track, identify, page, …',
    );
  });
  app.use(unknownRoute);
  app.use(((error, request, response, _next) => {
    if (isBadPath(error)) {
      void unknownRoute(request, response);
      return;
    }
    options.onError(error);
    if (response.headersSent) response.destroy();
    else response.status(500).json({ success: false, error: { message: 'the service failed; the fault is logged' } });
  }) satisfies ErrorRequestHandler);
  return app;
}

/** What stands in the path for `:name`. */
function parameter({ params }: Request, name: string): string {
  const value = params[name];
  return typeof value === 'string' ? value : '';
}

/** Express throws this where a part of the path is no percent-encoding. */
function isBadPath(error: unknown): boolean {
  return typeof error === 'object' && error !== null && 'status' in error && error.status === 400;
}
