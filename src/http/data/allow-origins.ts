import type { RequestHandler } from 'express';

import type { DataAppOptions } from './data-app-options.js';
import { timed } from './timed.js';

/** Seconds that a browser may remember a preflight; Chrome's own longest. */
const maxAgeSeconds = 7_200;

const maxNamesLength = 2_000;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/**
 * Lets the pages of these origins send events from a browser and read what is answered, errors too: without these headers
 * a browser shows the SDK a network error instead of a 401 or a 429. It keeps nobody out, because whatever is no browser
 * says of its origin what it likes.
 *
 * The origin is named rather than `*`, and credentials are allowed, because beacons and some settings of the SDKs ask for
 * both; there is no cookie here that they could carry. Every header that an SDK asks for is allowed: users of SDKs add
 * their own, and one that is missing would silence them.
 */
export function allowOrigins(origins: readonly string[], options: Pick<DataAppOptions, 'onRequest'>): RequestHandler {
  const allowed = new Set(origins.map((origin) => origin.toLowerCase()));
  const preflight = timed('preflight', options, (_request, response) => {
    response.status(204).end();
  });
  return (request, response, next) => {
    const { origin } = request.headers;
    response.vary('Origin');
    if (origin !== undefined && (allowed.has('*') || allowed.has(origin.toLowerCase()))) {
      response.setHeader('Access-Control-Allow-Origin', origin);
      response.setHeader('Access-Control-Allow-Credentials', 'true');
      response.setHeader('Access-Control-Expose-Headers', 'Retry-After');
    }
    const isPreflight = request.method === 'OPTIONS' && 'access-control-request-method' in request.headers;
    if (!isPreflight) {
      next();
      return;
    }
    response.setHeader('Access-Control-Allow-Methods', 'GET, POST');
    response.setHeader('Access-Control-Allow-Headers', askedHeaders(request.headers['access-control-request-headers']));
    response.setHeader('Access-Control-Max-Age', String(maxAgeSeconds));
    void preflight(request, response);
  };
}

/** The names asked for, as far as they are names. */
function askedHeaders(asked = ''): string {
  const names = asked.slice(0, maxNamesLength).split(',');
  return names
    .map((name) => name.trim())
    .filter((name) => headerName.test(name))
    .join(', ');
}
