import { createServer as createTcpServer, type Server as TcpServer } from 'node:net';

import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { selfSignedCertificate } from '../support/sockets/certificate.js';
import { httpServer, openGate, tlsServer, type Gate } from '../support/sockets/gate.js';
import { planEvents } from '../support/sockets/socket-events.js';
import { emptyBooks, SocketRun } from '../support/sockets/socket-run.js';
import { leftOf, until } from '../support/sockets/until.js';

// Sockets take their time on a busy machine.
jest.setTimeout(120_000);

const dayMs = 24 * 3_600_000;
const day = (days: number): Date => new Date(Date.now() + days * dayMs);

let gate: Gate | undefined;

afterEach(async () => {
  await gate?.close();
  gate = undefined;
});

/** Requests that came through to somebody who is not proven to be Heap. */
let received = 0;

const takeAll = (): void => {
  received += 1;
};

interface Stranger {
  readonly server: () => TcpServer;
  readonly url?: (port: number) => string;
  readonly requestTimeoutMs?: number;
  readonly error: RegExp;
}

const strangers: Readonly<Record<string, Stranger>> = {
  'has a certificate that nobody vouches for': {
    server: () => tlsServer(selfSignedCertificate(day(-1), day(1)), takeAll),
    error: /SELF_SIGNED/,
  },
  'has a certificate that has expired': {
    server: () => tlsServer(selfSignedCertificate(day(-2), day(-1)), takeAll),
    error: /CERT_HAS_EXPIRED/,
  },
  'speaks no TLS': { server: () => httpServer(takeAll), error: /network: / },
  'hangs up during the handshake': {
    server: () => createTcpServer((socket) => socket.once('data', () => socket.end())),
    error: /ECONNRESET/,
  },
  'keeps silent during the handshake': {
    server: () => createTcpServer((socket) => socket.resume()),
    requestTimeoutMs: 300,
    error: /timeout: /,
  },
  'has a name that does not exist': {
    server: () => httpServer(takeAll),
    url: (port) => `http://heap.invalid:${port}`,
    // Without a name server there is no answer to have.
    requestTimeoutMs: 2_000,
    error: /heap\.invalid|timeout: /,
  },
};

describe('no event reaches, and none is given up for, who', () => {
  it.each(Object.entries(strangers))('%s', async (_name, { server, url, requestTimeoutMs = 30_000, error }) => {
    received = 0;
    gate = await openGate(server());
    const heapUrl = url === undefined ? `https://127.0.0.1:${gate.port}` : url(gate.port);
    const run = new SocketRun(heapUrl, { delivery: { requestTimeoutMs } });
    run.accept(planEvents({ lanes: 2, users: 3, perUser: 5 }));
    // Each lane has come back once at least.
    await until(() => run.lanes.every(({ failures }) => failures > 1));
    for (const { lastError } of run.lanes) expect(lastError?.detail).toMatch(error);
    expect(run.events.filter(({ settled }) => settled > 0)).toEqual([]);
    expect(run.books).toMatchObject({ backlog: 30 });
    expect(await run.close(0)).toEqual([]);
    const open = gate;
    expect(await leftOf(() => open.connections())).toBe(0);
    expect(run.books).toEqual(emptyBooks);
    expect(run.remaining).toBe(30);
    for (const { outcome, settled } of run.events) expect([outcome?.type, settled]).toEqual(['abandoned', 1]);
    expect(received).toBe(0);
  });
});
