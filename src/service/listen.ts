import { createServer, type IncomingMessage, type RequestListener, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';

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
  const connections = new Connections(server);
  return {
    url: urlOf(server),
    close: () => {
      connections.closeWhenIdle();
      return closeServer(server);
    },
    destroy: () => {
      server.closeAllConnections();
    },
  };
}

interface OpenConnection {
  /** Those that are not answered. */
  readonly requests: number;
  /** When the last request began or was answered. */
  readonly bytesRead: number;
}

/**
 * The connections of a server, to be closed when it stops: each as soon as it has no request to answer. Node closes those
 * that have answered one, and would wait for those that nothing came by yet and those that are kept open after their
 * answer.
 */
class Connections {
  readonly #open = new Map<Socket, OpenConnection>();
  #isClosing = false;

  constructor(server: Server) {
    server.on('connection', (socket: Socket) => {
      this.#open.set(socket, { requests: 0, bytesRead: 0 });
      socket.once('close', () => this.#open.delete(socket));
    });
    server.on('request', ({ socket }: IncomingMessage, response: ServerResponse) => {
      this.#count(socket, 1);
      response.once('close', () => {
        this.#count(socket, -1);
      });
    });
  }

  closeWhenIdle(): void {
    this.#isClosing = true;
    for (const [socket, { requests, bytesRead }] of this.#open) {
      // Where bytes came since, a request has begun.
      if (requests === 0 && socket.bytesRead === bytesRead) socket.destroy();
    }
  }

  #count(socket: Socket, change: 1 | -1): void {
    const requests = (this.#open.get(socket)?.requests ?? 0) + change;
    if (this.#open.has(socket)) this.#open.set(socket, { requests, bytesRead: socket.bytesRead });
    // Ended, not destroyed: the answer may still be on its way.
    if (this.#isClosing && requests === 0) socket.end();
  }
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
  });
}
