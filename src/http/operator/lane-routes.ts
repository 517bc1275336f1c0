import type { Express, Request, Response } from 'express';

import type { DeliverySnapshot, LaneSnapshot } from '../../core/delivery/lane-snapshot.js';
import { isFromWebPage } from './is-from-web-page.js';
import { inWholeMs, lanesPage, readLaneFilter } from './lanes-page.js';

/** What an operator sees of delivery, and may do to it. */
export interface OperatedDelivery {
  snapshot(): DeliverySnapshot;
  /** A person says that a lane is well. False where there is no such lane. */
  resume(region: string, appId: string): boolean;
}

export const laneRoutes = ['/lanes', '/lanes/:region/:appId', 'POST /lanes/:region/:appId/resume'] as const;

interface LanePath {
  readonly region: string;
  readonly appId: string;
}

/** `GET /lanes`, `GET /lanes/:region/:appId` and `POST /lanes/:region/:appId/resume`. */
export function addLaneRoutes(app: Express, delivery: OperatedDelivery): void {
  app.get('/lanes', (request, response) => {
    const read = readLaneFilter(new URL(request.originalUrl, 'http://operator').searchParams);
    if (read.ok) response.json(lanesPage(delivery.snapshot(), read.filter));
    else response.status(400).json({ status: 'refused', message: read.message });
  });
  app.get('/lanes/:region/:appId', ({ params }: Request<LanePath>, response) => {
    answerLane(response, params, findLane(delivery, params));
  });
  app.post('/lanes/:region/:appId/resume', (request: Request<LanePath>, response) => {
    const { params } = request;
    if (isFromWebPage(request)) {
      response.status(403).json({ status: 'refused', message: 'web pages may not resume lanes' });
      return;
    }
    const isThere = delivery.resume(params.region, params.appId);
    answerLane(response, params, isThere ? findLane(delivery, params) : undefined);
  });
}

function findLane(delivery: OperatedDelivery, { region, appId }: LanePath): LaneSnapshot | undefined {
  return delivery.snapshot().lanes.find((lane) => lane.region === region && lane.appId === appId);
}

function answerLane(response: Response, { region, appId }: LanePath, lane: LaneSnapshot | undefined): void {
  if (lane !== undefined) {
    response.json(inWholeMs(lane));
    return;
  }
  const name = `${region.slice(0, 20)}/${appId.slice(0, 20)}`;
  const message = `there is no lane ${name}; a lane is there from its first event on, as long as the process lives`;
  response.status(404).json({ status: 'unknown', message });
}
