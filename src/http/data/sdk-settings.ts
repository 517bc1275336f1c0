import type { Request, Response } from 'express';

import { cdnSettings } from '../../sources/segment/cdn-settings.js';
import { rudderSourceConfig } from '../../sources/segment/rudder-source-config.js';
import { refuse } from '../answer.js';
import type { DataAppOptions } from './data-app-options.js';
import { requestedKey } from './requested-key.js';

type Options = Pick<DataAppOptions, 'connectionFor' | 'onRefused'>;

/** `GET /sourceConfig`: what RudderStack's browser and mobile SDKs ask for before they send. */
export function sendSourceConfig(request: Request, response: Response, options: Options): void {
  const writeKey = requestedKey(request);
  if (isKnown(writeKey, response, options)) send(response, rudderSourceConfig(writeKey));
}

/** `GET /v1/projects/{writeKey}/settings`: what Segment's browser and mobile SDKs ask for before they send. */
export function sendCdnSettings(writeKey: string, request: Request, response: Response, options: Options): void {
  if (!isKnown(writeKey, response, options)) return;
  const { host = '' } = request.headers;
  const forwarded = request.headers['x-forwarded-proto'];
  const isSecure = typeof forwarded === 'string' && /^https\b/i.test(forwarded);
  send(response, cdnSettings(writeKey, host, isSecure ? 'https' : 'http'));
}

function isKnown(
  writeKey: string | undefined,
  response: Response,
  { connectionFor, onRefused }: Options,
): writeKey is string {
  if (writeKey !== undefined && connectionFor(writeKey) !== undefined) return true;
  refuse(response, writeKey === undefined ? 'write_key_missing' : 'write_key_unknown', onRefused);
  return false;
}

function send(response: Response, settings: object): void {
  // A page asks with each load. What it gets changes with the service alone.
  response.setHeader('Cache-Control', 'private, max-age=300');
  response.json(settings);
}
