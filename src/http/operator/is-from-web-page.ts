import type { IncomingMessage } from 'node:http';

/** A browser sends a request for any page, and names where it comes from; curl and scripts send neither header. */
export function isFromWebPage({ headers }: IncomingMessage): boolean {
  const site = headers['sec-fetch-site'];
  return headers.origin !== undefined || (site !== undefined && site !== 'none' && site !== 'same-origin');
}
