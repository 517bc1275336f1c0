import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer, type Server as TlsServer } from 'node:https';
import type { AddressInfo, Server as TcpServer, Socket } from 'node:net';

import { ask, type HttpAnswer } from '../http-client.js';
import type { Certificate } from './certificate.js';

/** One request that came to the gate; its body may not be there yet. */
export interface Visit {
  readonly request: IncomingMessage;
  readonly response: ServerResponse;
  /** From 1, of all requests. */
  readonly number: number;
  /** From 1, of those on its connection. */
  readonly onConnection: number;
  /** Reads the body, hands it to Heap and returns Heap's answer. */
  readonly forward: () => Promise<HttpAnswer>;
}

/** What stands where Heap is said to be. */
export interface Gate {
  readonly port: number;
  /** Connections that are open. */
  connections(): number;
  /** Listens again on the same port. */
  open(): Promise<void>;
  /** Ends all connections; who comes now is refused. */
  close(): Promise<void>;
}

/** A listener that hands on to Heap, in its own way. */
export function inFrontOf(heapUrl: string, behave: (visit: Visit) => Promise<void> | void): HttpListener {
  const seen = new WeakMap<Socket, number>();
  let number = 0;
  return (request, response) => {
    // A request that is cut short is what some tests are about.
    request.on('error', () => undefined);
    const onConnection = (seen.get(request.socket) ?? 0) + 1;
    seen.set(request.socket, onConnection);
    number += 1;
    const forward = async (): Promise<HttpAnswer> => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { method = 'GET', url = '/' } = request;
      return ask(`${heapUrl}${url}`, { method, body: Buffer.concat(chunks) });
    };
    void Promise.resolve(behave({ request, response, number, onConnection, forward })).catch(() => {
      request.socket.destroy();
    });
  };
}

type HttpListener = (request: IncomingMessage, response: ServerResponse) => void;

/** Heap's answer, as Heap gives it. */
export async function handOn({ response, forward }: Visit): Promise<void> {
  const { status, text } = await forward();
  response.writeHead(status).end(text);
}

export function httpServer(listener: HttpListener): Server {
  return createServer(listener);
}

export function tlsServer(certificate: Certificate, listener: HttpListener): TlsServer {
  return createTlsServer(certificate, listener);
}

/** Lets a server listen on a free port of 127.0.0.1. */
export async function openGate(server: TcpServer): Promise<Gate> {
  const sockets = new Set<Socket>();
  server.on('connection', (socket: Socket) => {
    sockets.add(socket);
    // Clients that leave are what it is for.
    socket.on('error', () => undefined).once('close', () => sockets.delete(socket));
  });
  const listen = (port: number): Promise<void> =>
    new Promise((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, '127.0.0.1', () => {
        server.off('error', reject);
        resolve();
      });
    });
  await listen(0);
  const { port } = server.address() as AddressInfo;
  return {
    port,
    connections: () => sockets.size,
    open: () => listen(port),
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        for (const socket of sockets) socket.destroy();
      }),
  };
}
