import type { Request, Response } from 'express';

import { readWebhookEvents } from '../../sources/webhook/read-webhook-events.js';
import { refuse } from '../answer.js';
import { collectBody, decodeBody } from '../read-body.js';
import type { DataAppOptions } from './data-app-options.js';
import { hasRoom } from './has-room.js';
import { isTaking } from './is-taking.js';
import { settleEvents } from './settle-events.js';

/** Answers what a CDP's webhook destination posts for the connection with this id. */
export async function receiveWebhook(
  connectionId: string,
  request: Request,
  response: Response,
  options: DataAppOptions,
): Promise<void> {
  const { webhookFor, clock, maxBodyBytes, maxEvents, onRefused } = options;
  if (!isTaking(response, options)) return;
  const door = webhookFor?.(connectionId);
  if (door === undefined) {
    refuse(response, 'route_unknown', onRefused, 'no connection with a webhook has this id');
    return;
  }
  const admits = door.guard(request.headers);
  if (admits === undefined) {
    refuse(response, 'webhook_unauthorized', onRefused);
    return;
  }
  if (!hasRoom(response, options)) return;
  const sent = await collectBody(request, maxBodyBytes);
  if (!sent.ok) {
    refuse(response, sent.reason, onRefused, sent.message);
    return;
  }
  if (!admits(sent.bytes)) {
    refuse(response, 'webhook_unauthorized', onRefused);
    return;
  }
  const body = await decodeBody(sent.bytes, request.headers['content-encoding'], maxBodyBytes);
  if (!body.ok) {
    refuse(response, body.reason, onRefused, body.message);
    return;
  }
  const read = readWebhookEvents(body.bytes.toString('utf8'), {
    receivedAt: clock.now(),
    maxEvents,
    maxSharedLength: maxBodyBytes,
  });
  if (!read.ok) {
    refuse(response, read.reason, onRefused, read.message);
    return;
  }
  await settleEvents(read.events, door.connection, response, options);
}
