import express, { type ErrorRequestHandler, type Express } from 'express';
import type { Registry } from 'prom-client';

import type { LaneSnapshot } from '../core/delivery/lane.js';

export interface OperatorAppOptions {
  readonly registry: Registry;
  readonly version: string;
  readonly lanes: () => readonly LaneSnapshot[];
  readonly isStopping: () => boolean;
}

/** The operator port: `GET /metrics` for Prometheus, `GET /health` for whoever restarts or routes. */
export function createOperatorApp({ registry, version, lanes, isStopping }: OperatorAppOptions): Express {
  const app = express();
  app.disable('x-powered-by');
  app.disable('etag');
  app.get('/metrics', async (_request, response) => {
    response.setHeader('Content-Type', registry.contentType);
    response.end(await registry.metrics());
  });
  app.get('/health', (_request, response) => {
    const stopping = isStopping();
    const snapshots = lanes();
    response.status(stopping ? 503 : 200).json({
      status: stopping ? 'stopping' : 'up',
      version,
      backlog: snapshots.reduce((sum, lane) => sum + lane.backlog, 0),
      halted: snapshots.filter((lane) => lane.state === 'halted').map(({ appId, region }) => ({ appId, region })),
    });
  });
  app.use((_request, response) => {
    response.status(404).json({ status: 'unknown', routes: ['/health', '/metrics'] });
  });
  app.use(((_error, _request, response, _next) => {
    response.status(500).json({ status: 'failed' });
  }) satisfies ErrorRequestHandler);
  return app;
}
