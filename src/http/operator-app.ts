import express, { type ErrorRequestHandler, type Express, type Response } from 'express';
import type { Registry } from 'prom-client';

import type { LaneSnapshot, LaneState } from '../core/delivery/lane-snapshot.js';
import { addLaneRoutes, laneRoutes, type OperatedDelivery } from './operator/lane-routes.js';

export interface OperatorAppOptions {
  readonly registry: Registry;
  readonly version: string;
  /** Where there are lanes to look at. */
  readonly delivery?: OperatedDelivery;
  readonly isStopping: () => boolean;
}

/**
 * The operator port: `GET /metrics` for Prometheus, `GET /health` for whoever restarts or routes, and what a person needs
 * to look at lanes and resume one. It asks nobody who they are, so it belongs inside a network of one's own.
 */
export function createOperatorApp({ registry, version, delivery, isStopping }: OperatorAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/metrics', async (_request, response) => {
    response.setHeader('Content-Type', registry.contentType);
    response.end(await registry.metrics());
  });
  app.get('/health', (_request, response) => {
    answerHealth(response, version, isStopping(), delivery?.snapshot().lanes ?? []);
  });
  if (delivery !== undefined) addLaneRoutes(app, delivery);
  const answerUnknown = (response: Response): void => {
    const routes = ['/health', '/metrics', ...(delivery === undefined ? [] : laneRoutes)];
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

function answerHealth(response: Response, version: string, stopping: boolean, lanes: readonly LaneSnapshot[]): void {
  const inState = (state: LaneState): readonly object[] =>
    lanes.filter((lane) => lane.state === state).map(({ appId, region }) => ({ appId, region }));
  response.status(stopping ? 503 : 200).json({
    status: stopping ? 'stopping' : 'up',
    version,
    backlog: lanes.reduce((sum, lane) => sum + lane.backlog, 0),
    halted: inState('halted'),
    paused: inState('paused'),
  });
}
