import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { sendReply } from './send-reply.js';
import { SimulatedHeap } from './simulated-heap.js';
import { simulatorOptions, type PartialSimulatorOptions } from './simulator-options.js';

/** Where the simulator listens, and everything that {@link SimulatedHeap} takes. */
export type StartSimulatorOptions = PartialSimulatorOptions & {
  /** 0, the default, takes any free port. */
  readonly port?: number;
  /** 127.0.0.1 by default. */
  readonly host?: string;
  /** Epoch milliseconds; Date.now by default. */
  readonly now?: () => number;
};

/** A listening simulator. */
export interface Simulator {
  /** `http://host:port`, without a slash at its end: Heap's base URL for whoever is tested. */
  readonly url: string;
  readonly port: number;
  readonly heap: SimulatedHeap;
  /** Stops listening and ends every connection, hung ones too. May be called twice. */
  close(): Promise<void>;
}

/** Starts a Heap on a real socket; rejects when the address cannot be listened on. */
export async function startSimulator(options: StartSimulatorOptions = {}): Promise<Simulator> {
  const { port = 0, host = '127.0.0.1', now = Date.now, ...heapOptions } = options;
  const heap = new SimulatedHeap(heapOptions);
  const { maxBodyBytes } = simulatorOptions(heapOptions);
  const server = createServer((message, response) => {
    receive(message, maxBodyBytes, (body) => {
      sendReply(message, response, heap.handle({ ...requestLine(message), headers: message.headers, body }, now()));
    });
  });
  // Idle connections stay open until close(): a keep-alive that ends just as a client reuses it is a fault nobody asked for.
  server.keepAliveTimeout = 0;
  const address = await listen(server, port, host);
  const shownHost = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return { url: `http://${shownHost}:${address.port}`, port: address.port, heap, close: () => close(server) };
}

/** Collects a body until it is over the cap, which is enough to know that it is too large, and drains the rest. */
function receive(message: IncomingMessage, maxBodyBytes: number, done: (body: Buffer) => void): void {
  const chunks: Buffer[] = [];
  let length = 0;
  message.on('data', (chunk: Buffer) => {
    if (length > maxBodyBytes) return;
    length += chunk.length;
    chunks.push(chunk);
  });
  message.on('end', () => {
    done(Buffer.concat(chunks, length));
  });
  // The client left in the middle of its request: there is nobody to answer.
  message.on('error', () => undefined);
}

function requestLine({ method = 'GET', url = '/' }: IncomingMessage) {
  const mark = url.indexOf('?');
  const path = mark < 0 ? url : url.slice(0, mark);
  return { method, path, query: new URLSearchParams(mark < 0 ? '' : url.slice(mark + 1)) };
}

function listen(server: Server, port: number, host: string): Promise<AddressInfo> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, () => {
      server.off('error', reject);
      const address = server.address();
      if (address === null || typeof address === 'string') reject(new TypeError('expected to listen on a port'));
      else resolve(address);
    });
  });
}

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => {
      resolve();
    });
    server.closeAllConnections();
  });
}
