import { createServer, type RequestListener, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface Listener {
  /** `http://host:port`, with a host that a client on this machine can use. */
  readonly url: string;
  /** Takes no new connections and resolves when the last request is answered. */
  close(): Promise<void>;
  /** Ends every connection. */
  destroy(): void;
}

/** A client gets this long to send a whole request; without a bound, half-sent ones would pile up. */
const defaultRequestTimeoutMs = 30_000;

/**
 * Starts an HTTP server; rejects when the address can't be had.
 *
 * @param requestTimeoutMs a request that is not there as a whole by then is answered 408.
 */
export async function listen(
  handler: RequestListener,
  port: number,
  host: string,
  requestTimeoutMs = defaultRequestTimeoutMs,
): Promise<Listener> {
  // Node looks for late requests every so often; more seldom than the timeout would make it a longer one.
  const server = createServer({ connectionsCheckingInterval: Math.min(30_000, requestTimeoutMs) }, handler);
  server.requestTimeout = requestTimeoutMs;
  // Longer than the idle time of common load balancers (60 s), or they would reuse a connection that is just closing.
  server.keepAliveTimeout = 65_000;
  server.headersTimeout = Math.min(requestTimeoutMs, defaultRequestTimeoutMs);
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      resolve();
    });
  });
  return {
    url: urlOf(server),
    close: () => closeServer(server),
    destroy: () => {
      server.closeAllConnections();
    },
  };
}

function urlOf(server: Server): string {
  const { address, family, port } = server.address() as AddressInfo;
  const isAny = address === '0.0.0.0' || address === '::';
  const host = isAny ? '127.0.0.1' : family === 'IPv6' ? `[${address}]` : address;
  return `http://${host}:${port}`;
}

function closeServer(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeIdleConnections();
  });
}
