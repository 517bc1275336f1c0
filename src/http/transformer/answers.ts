import type { ServerResponse } from 'node:http';

import type { OverloadReason } from './overload-guard.js';

/** An answer to a request of the transformer's protocol. */
export interface Answer {
  readonly status: number;
  readonly body: string | Buffer;
  readonly contentType: 'application/json; charset=utf-8' | 'text/plain; charset=utf-8';
  /**
   * Answers of transforms and proxies carry `apiVersion: 2`. rudder-server's process ends over a 200 without it, and
   * takes it on the proxy as the sign that the answer is the transformer's own.
   */
  readonly hasApiVersion?: true;
  /** Refused only for now: rudder-server's processor sends the request again until it is taken, and counts no failure. */
  readonly retryReason?: string;
}

export function send(response: ServerResponse, answer: Answer): void {
  response.statusCode = answer.status;
  response.setHeader('Content-Type', answer.contentType);
  if (answer.hasApiVersion === true) response.setHeader('apiVersion', '2');
  if (answer.retryReason !== undefined) {
    response.setHeader('X-Rudder-Should-Retry', 'true');
    response.setHeader('X-Rudder-Error-Reason', answer.retryReason);
  }
  const { body } = answer;
  response.setHeader('Content-Length', Buffer.byteLength(body));
  if (typeof body === 'string' || body.length > maxJoined) {
    response.end(body);
    return;
  }
  // As a text of as many characters as bytes, a short answer leaves with its head in one piece.
  response.end(body.toString('latin1'), 'latin1');
}

/** Longer answers are not copied once more for the sake of one write. */
const maxJoined = 16 * 1024;

export function jsonAnswer(status: number, body: string | Buffer): Answer {
  return { status, body, contentType: 'application/json; charset=utf-8' };
}

/** The answer of a transform or a proxy. */
export function versionedAnswer(status: number, body: string | Buffer): Answer {
  return { ...jsonAnswer(status, body), hasApiVersion: true };
}

export function textAnswer(status: number, body: string): Answer {
  return { status, body, contentType: 'text/plain; charset=utf-8' };
}

export function errorAnswer(status: number, error: string): Answer {
  return jsonAnswer(status, JSON.stringify({ error }));
}

export function overloadAnswer(reason: OverloadReason): Answer {
  return { ...errorAnswer(503, 'too much is being done at the moment; send it again'), retryReason: reason };
}

export const notFound = textAnswer(404, 'Not Found');

export function unknownDestination(name: string): Answer {
  return errorAnswer(404, `Unknown destination: ${name}`);
}
