import type { Request, Response } from 'express';

import type { EventType } from '../../core/event/event.js';
import { isJsonObject, type Json } from '../../core/json/json.js';
import { parseBody } from '../../sources/segment/parse-body.js';
import { readEvents } from '../../sources/segment/read-events.js';
import { refuse } from '../answer.js';
import { readBody } from '../read-body.js';
import type { DataAppOptions } from './data-app-options.js';
import { hasRoom } from './has-room.js';
import { isTaking } from './is-taking.js';
import { requestedKey } from './requested-key.js';
import { settleEvents } from './settle-events.js';

/** Answers a request that brings events with a write key: one of this type, or a batch. */
export async function ingestEvents(
  type: EventType | undefined,
  request: Request,
  response: Response,
  options: DataAppOptions,
): Promise<void> {
  const { connectionFor, clock, maxBodyBytes, maxEvents, onRefused } = options;
  if (!isTaking(response, options)) return;
  const named = requestedKey(request);
  // A key that is there and wrong is refused before anything is read.
  if (named !== undefined && connectionFor(named) === undefined) {
    refuse(response, 'write_key_unknown', onRefused);
    return;
  }
  if (!hasRoom(response, options)) return;
  const body = await readBody(request, maxBodyBytes);
  if (!body.ok) {
    refuse(response, body.reason, onRefused, body.message);
    return;
  }
  const result = parseBody(body.text);
  if (!result.ok) {
    refuse(response, result.reason, onRefused, result.message);
    return;
  }
  const writeKey = named ?? keyInBody(result.parsed.body);
  const connection = writeKey === undefined ? undefined : connectionFor(writeKey);
  if (connection === undefined) {
    if (writeKey === undefined) refuse(response, 'write_key_missing', onRefused, howToSendTheKey);
    else refuse(response, 'write_key_unknown', onRefused);
    return;
  }
  const read = readEvents(result.parsed, type, {
    receivedAt: clock.now(),
    maxEvents,
    maxSharedLength: maxBodyBytes,
  });
  if (!read.ok) {
    refuse(response, read.reason, onRefused, read.message);
    return;
  }
  await settleEvents(read.events, connection, response, options);
}

const howToSendTheKey = 'send the write key as the user name of HTTP Basic authentication';

function keyInBody(body: Json): string | undefined {
  const writeKey = isJsonObject(body) ? body.writeKey : undefined;
  return typeof writeKey === 'string' && writeKey !== '' ? writeKey : undefined;
}
