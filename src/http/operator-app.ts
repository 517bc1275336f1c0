import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import type { Registry } from 'prom-client';

import type { LaneSnapshot, LaneState } from '../core/delivery/lane-snapshot.js';
import type { DeliveryLog } from '../core/durable/delivery-log.js';
import { addDeadLetterRoutes, deadLetterRoutes, type OperatedDeadLetters } from './operator/dead-letter-routes.js';
import { addEventRoutes, eventRoutes } from './operator/event-routes.js';
import { addLaneRoutes, laneRoutes, type OperatedDelivery } from './operator/lane-routes.js';

export interface OperatorAppOptions {
  readonly registry: Registry;
  readonly version: string;
  /** Where there are lanes to look at. */
  readonly delivery?: OperatedDelivery;
  /** Where rejected events are kept. */
  readonly deadLetters?: OperatedDeadLetters;
  /** Where it is remembered what became of events. */
  readonly log?: DeliveryLog;
  /** What waits in the store, where there is one. */
  readonly stored?: { readonly events: number; readonly bytes: number };
  readonly isStopping: () => boolean;
}

/**
 * The operator port: `GET /metrics` for Prometheus, `GET /health` for whoever restarts or routes, and what a person needs
 * to look at lanes, events and dead letters, to resume a lane and to replay or discard letters. It asks nobody who they
 * are, so it belongs inside a network of one's own.
 */
export function createOperatorApp(options: OperatorAppOptions): Express {
  const { registry, version, delivery, deadLetters, log, stored, isStopping } = options;
  const isTracing = log !== undefined || deadLetters !== undefined;
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/metrics', async (_request, response) => {
    response.setHeader('Content-Type', registry.contentType);
    response.end(await registry.metrics());
  });
  app.get('/health', (_request, response) => {
    answerHealth(response, version, isStopping(), delivery?.snapshot().lanes ?? [], stored);
  });
  if (delivery !== undefined) addLaneRoutes(app, delivery);
  if (deadLetters !== undefined) addDeadLetterRoutes(app, deadLetters);
  if (isTracing) addEventRoutes(app, { log, letters: deadLetters?.letters });
  const routes = [
    ...['/health', '/metrics'],
    ...(delivery === undefined ? [] : laneRoutes),
    ...(deadLetters === undefined ? [] : deadLetterRoutes),
    ...(isTracing ? eventRoutes : []),
  ];
  const answerUnknown = (response: Response): void => {
    response.status(404).json({ status: 'unknown', routes });
  };
  app.use((_request, response) => {
    answerUnknown(response);
  });
  app.use(((error, _request, response, _next) => {
    // A path whose percent signs say nothing is no path of ours.
    if (error instanceof URIError) answerUnknown(response);
    else response.status(500).json({ status: 'failed' });
  }) satisfies ErrorRequestHandler);
  return app;
}

function answerHealth(
  response: Response,
  version: string,
  stopping: boolean,
  lanes: readonly LaneSnapshot[],
  stored: OperatorAppOptions['stored'],
): void {
  const inState = (state: LaneState): readonly object[] =>
    lanes.filter((lane) => lane.state === state).map(({ appId, region }) => ({ appId, region }));
  response.status(stopping ? 503 : 200).json({
    status: stopping ? 'stopping' : 'up',
    version,
    backlog: lanes.reduce((sum, lane) => sum + lane.backlog, 0),
    ...(stored && { stored: { events: stored.events, bytes: stored.bytes } }),
    halted: inState('halted'),
    paused: inState('paused'),
  });
}
