import { createServer as createTcpServer, type AddressInfo } from 'node:net';

import { afterEach, describe, expect, it } from '@jest/globals';

import type { Json } from '../../../../src/core/json/json.js';
import {
  callOf,
  event,
  expectVersioned,
  job,
  jobs,
  startHeapStub,
  startTestTransformer,
  statusesOf,
  type TestTransformer,
} from '../../../support/proxy.js';

describe('the delivery proxy without a connection', () => {
  let transformer: TestTransformer | undefined;

  afterEach(async () => {
    await transformer?.close();
    transformer = undefined;
  });

  /** Expects that a call ends retryable on both versions, with the cause in its words. */
  async function expectRetryable(endpoint: string, code: RegExp, json: Json = event): Promise<void> {
    const v1 = await transformer?.proxy('v1', callOf(endpoint, json, { metadata: jobs(2) }));
    if (v1 === undefined) throw new Error('start the transformer first');
    expectVersioned(v1, 200);
    expect(statusesOf(v1)).toEqual([500, 500]);
    expect(v1.output).toMatchObject({ status: 500, statTags: { errorCategory: 'network', errorType: 'retryable' } });
    for (const { error, metadata } of v1.output.response ?? []) {
      expect(JSON.parse(error)).toMatch(code);
      expect(metadata).toHaveProperty('dontBatch', false);
    }
    const v0 = await transformer?.proxy('v0', callOf(endpoint, json, { metadata: job(1) }));
    if (v0 === undefined) throw new Error('start the transformer first');
    expectVersioned(v0, 500);
    expect(v0.output.destinationResponse).toMatchObject({ response: expect.stringMatching(code), status: 500 });
  }

  /** A server that does this to each connection, before it reads anything. */
  async function withTcpServer(
    onConnection: Parameters<typeof createTcpServer>[1],
    test: (url: string) => Promise<void>,
  ): Promise<void> {
    const server = createTcpServer(onConnection);
    await new Promise<void>((resolve) => {
      server.listen(0, '127.0.0.1', resolve);
    });
    const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
    transformer = await startTestTransformer(url);
    try {
      await test(url);
    } finally {
      await new Promise((resolve) => server.close(resolve));
    }
  }

  it('has its jobs sent again when nobody listens', async () => {
    const gone = await startHeapStub();
    await gone.close();
    transformer = await startTestTransformer(gone.url);
    await expectRetryable(`${gone.url}/api/track`, /^\[ECONNREFUSED\] :: /);
  });

  it('has its jobs sent again when the host has no address', async () => {
    transformer = await startTestTransformer('http://127.0.0.1:1', { DELIVERY_ALLOWED_HOSTS: 'heap.invalid' });
    await expectRetryable('https://heap.invalid/api/track', /^\[(ENOTFOUND|EAI_AGAIN)\] :: /);
  });

  it('has its jobs sent again when the connection is reset', () =>
    withTcpServer(
      (socket) => socket.resetAndDestroy(),
      (url) => expectRetryable(`${url}/api/track`, /^\[ECONNRESET\] :: /),
    ));

  it('has its jobs sent again when the connection is closed while the request is on its way', () =>
    withTcpServer(
      (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.destroy());
      },
      (url) => expectRetryable(`${url}/api/track`, /^\[(EPIPE|ECONNRESET)\] :: /, { big: 'x'.repeat(8_000_000) }),
    ));

  it('has its jobs sent again when what answers speaks no HTTP', () =>
    withTcpServer(
      (socket) => {
        socket.on('error', () => undefined);
        // It reads, or it would never hear that the other side has closed.
        socket.resume().end('hello\r\n\r\n');
      },
      (url) => expectRetryable(`${url}/api/track`, /^\[[A-Z][A-Z_]+\] :: /),
    ));

  it('has its jobs sent again when an answer breaks off', () =>
    withTcpServer(
      (socket) => {
        socket.on('error', () => undefined);
        socket.once('data', () => socket.end('HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{}'));
      },
      (url) => expectRetryable(`${url}/api/track`, /^\[[A-Z][A-Z_]+\] :: /),
    ));
});
