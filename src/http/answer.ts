import type { IncomingHttpHeaders } from 'node:http';

import type { Response } from 'express';

import type { EventResult } from '../core/intake.js';
import { reasons, type RequestReason } from '../core/reasons.js';

/** The status that goes with each reason to refuse a whole request. */
const statuses: Readonly<Record<RequestReason, number>> = {
  json_malformed: 400,
  body_unreadable: 400,
  batch_missing: 400,
  write_key_missing: 401,
  write_key_unknown: 401,
  webhook_unauthorized: 401,
  route_unknown: 404,
  body_too_large: 413,
  batch_too_long: 413,
  encoding_unsupported: 415,
  backlog_full: 503,
  delivery_pending: 503,
  store_unavailable: 503,
  shutting_down: 503,
};

/**
 * Seconds after which a sender may ask again. RudderStack's Node SDK honours it; Segment's SDKs do with 429 only, which is
 * not used all the same: they ask at most 10 (browser) or 30 times (Node) with it, and go on for longer with their own
 * back-off after a 503.
 */
const retryAfterSeconds = 5;

/** Refuses a whole request: `{"success": false, "error": {"reason", "message"}}`. */
export function refuse(
  response: Response,
  reason: RequestReason,
  onRefused: (reason: RequestReason) => void,
  message: string = reasons[reason].summary,
  results?: readonly EventResult[],
): void {
  const status = statuses[reason];
  onRefused(reason);
  if (status === 503) response.setHeader('Retry-After', String(retryAfterSeconds));
  if (status === 401) response.setHeader('WWW-Authenticate', challenge(reason, response.req.headers));
  response
    .status(status)
    .json({ success: false, error: { reason, message }, ...(results && { results: indexed(results) }) });
}

/**
 * What a 401 asks for. A browser that is told of `Basic` may ask the visitor of the page for a password, where the page and
 * this service share an origin; a scheme that it does not know it leaves alone.
 */
function challenge(reason: RequestReason, headers: IncomingHttpHeaders): string {
  if (reason === 'webhook_unauthorized') return 'Bearer realm="webhook"';
  const isBrowser = headers.origin !== undefined || headers['sec-fetch-mode'] !== undefined;
  return `${isBrowser ? 'X-Basic' : 'Basic'} realm="write key"`;
}

/** The result of every event of a request that is settled. */
export function answerResults(response: Response, results: readonly EventResult[]): void {
  const count = (outcome: EventResult['outcome']): number =>
    results.filter((result) => result.outcome === outcome).length;
  response.status(200).json({
    success: true,
    received: results.length,
    accepted: count('accepted'),
    delivered: count('delivered'),
    dropped: count('dropped'),
    rejected: count('rejected'),
    results: indexed(results),
  });
}

function indexed(results: readonly EventResult[]): readonly object[] {
  return results.map((result, index) => ({ index, ...result }));
}
