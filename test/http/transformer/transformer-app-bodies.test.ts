import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';

import type { TransformerConfig } from '../../../src/service/transformer-config.js';
import { ask, rawConnection } from '../../support/http-client.js';
import { destinationOf, metadataOf } from '../../support/rudderstack.js';
import { runTransformer, sampleOf, type RunningTestTransformer } from '../../support/running-transformer.js';

const path = '/v0/destinations/heap';
const json = 'application/json; charset=utf-8';
const destination = destinationOf();

function bodyOf(events = 1, padding = ''): string {
  return JSON.stringify(
    Array.from({ length: events }, (_unused, index) => ({
      message: { type: 'track', userId: 'ann', event: 'E', properties: { padding } },
      metadata: metadataOf(index + 1),
      destination,
    })),
  );
}

const routerBody = `{"destType":"heap","input":${bodyOf()}}`;

/** The head of a request that announces so many bytes. */
function head(length: number, more = ''): string {
  return `POST ${path} HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n${more}\r\n`;
}

describe('a body', () => {
  let transformer: RunningTestTransformer;

  beforeAll(async () => {
    transformer = await runTransformer({ maxBodyBytes: 100_000 });
  });

  afterAll(async () => {
    await transformer.stop();
  });

  it.each([
    ['gzip', gzipSync],
    ['x-gzip', gzipSync],
    ['GZIP', gzipSync],
    ['deflate', deflateSync],
    ['deflate', deflateRawSync],
    ['br', brotliCompressSync],
    ['identity', (plain: string) => Buffer.from(plain)],
  ])('encoded as %s (%#) is decoded', async (encoding, encode) => {
    for (const [route, plain] of [
      [path, bodyOf(2)],
      ['/routerTransform', routerBody],
    ] as const) {
      const answer = await transformer.post(route, encode(plain), { 'content-encoding': encoding });
      expect([answer.status, answer.headers.apiversion]).toEqual([200, '2']);
      expect(answer.json).toEqual((await transformer.post(route, plain)).json);
    }
  });

  it.each([
    ['that is not what its encoding says', Buffer.from(bodyOf())],
    ['that is cut short', gzipSync(bodyOf()).subarray(0, 60)],
    ['that is empty', Buffer.alloc(0)],
  ])('%s is answered 500: it is worth another try', async (_what, body) => {
    const answer = await transformer.post(path, body, { 'content-encoding': 'gzip' });
    expect([answer.status, answer.headers['content-type'], answer.headers.apiversion]).toEqual([500, json, undefined]);
    expect(answer.json).toEqual({ error: expect.any(String) });
  });

  it.each(['lzma', 'gzip, br', 'constructor'])('encoded as %s is answered 415', async (encoding) => {
    const answer = await transformer.post(path, bodyOf(), { 'content-encoding': encoding });
    expect([answer.status, answer.headers['content-type']]).toEqual([415, json]);
  });

  it.each(['text/plain', 'application/x-www-form-urlencoded', 'nonsense', 'application/json; charset=latin1'])(
    'is read whatever its content type says: %s',
    async (type) => {
      expect((await transformer.post(path, bodyOf(), { 'content-type': type })).status).toBe(200);
    },
  );

  it('without a content type is read', async () => {
    const answer = await ask(`${transformer.dataUrl}${path}`, { method: 'POST', body: bodyOf() });
    expect(answer.status).toBe(200);
  });

  it('in chunks is read', async () => {
    const answer = await transformer.post(path, bodyOf(), { 'transfer-encoding': 'chunked' });
    expect([answer.status, answer.headers.apiversion]).toEqual([200, '2']);
  });

  it('that is announced longer than the limit is refused before any of it is sent', async () => {
    const connection = await rawConnection(transformer.dataUrl);
    connection.write(head(100_001, 'connection: close\r\n'));
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 413 [^]*\r\n\r\n\{"error":"[^"]+"\}$/);
  });

  it('at the limit is read, and one byte more is not', async () => {
    const atLimit = bodyOf().padEnd(100_000);
    expect((await transformer.post(path, atLimit)).status).toBe(200);
    expect((await transformer.post(path, `${atLimit} `)).status).toBe(413);
  });

  it('that turns out longer than the limit on its way is refused', async () => {
    const answer = await transformer.post(path, bodyOf(1, 'x'.repeat(300_000)), { 'transfer-encoding': 'chunked' });
    expect([answer.status, answer.headers['content-type']]).toEqual([413, json]);
  });

  it('that turns out longer than the limit when it is decoded is refused', async () => {
    const bomb = gzipSync(bodyOf(1, 'x'.repeat(10_000_000)));
    expect(bomb.length).toBeLessThan(100_000);
    expect((await transformer.post(path, bomb, { 'content-encoding': 'gzip' })).status).toBe(413);
  });

  it('that is refused leaves the next one alone, on the same connection', async () => {
    const connection = await rawConnection(transformer.dataUrl);
    const good = bodyOf();
    connection.write(`${head(8)}nonsense`);
    connection.write(`${head(Buffer.byteLength(good), 'connection: close\r\n')}${good}`);
    const answers = await connection.answer;
    expect([...answers.matchAll(/HTTP\/1\.1 (\d+)/g)].map(([, status]) => status)).toEqual(['400', '200']);
  });
});

describe('a client', () => {
  let transformer: RunningTestTransformer | undefined;

  const start = async (config: Partial<TransformerConfig>): Promise<RunningTestTransformer> => {
    transformer = await runTransformer(config);
    return transformer;
  };

  afterEach(async () => {
    await transformer?.stop();
    transformer = undefined;
  });

  it('that never sends the rest of its body is answered 408, and its connection is closed', async () => {
    const { dataUrl, untilConcurrent } = await start({ requestTimeoutMs: 50 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head(1_000)}[{"message"`);
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 408 /);
    await untilConcurrent(0);
  });

  it('that leaves in the middle costs nobody anything', async () => {
    const { dataUrl, untilConcurrent, post, samples, log } = await start({ maxConcurrentRequests: 1 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head(1_000)}[{"message"`);
    await untilConcurrent(1);
    connection.destroy();
    await untilConcurrent(0);
    expect((await post(path, bodyOf())).status).toBe(200);
    const routes = { route: path, code: 499 };
    expect(sampleOf(await samples(), 'transformer_http_request_duration_count', routes)).toBe(1);
    expect(log.filter(({ level }) => level === 'error')).toEqual([]);
  });

  it('too many are told to come back, as rudder-server understands it, until there is room', async () => {
    const { dataUrl, untilConcurrent, post, get, samples } = await start({ maxConcurrentRequests: 1 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head(1_000)}[{"message"`);
    await untilConcurrent(1);
    for (const [route, body] of [
      [path, bodyOf()],
      ['/routerTransform', routerBody],
      ['/batch', routerBody],
    ] as const) {
      const answer = await post(route, body);
      expect([answer.status, answer.headers['content-type']]).toEqual([503, json]);
      expect(answer.headers['x-rudder-should-retry']).toBe('true');
      expect(answer.headers['x-rudder-error-reason']).toBe('too_many_requests');
    }
    // What probes and polls ask is always answered.
    expect((await get('/health')).status).toBe(200);
    expect((await get('/features')).status).toBe(200);
    expect(sampleOf(await samples(), 'transformer_memory_fenced_requests', { route: path })).toBe(1);
    connection.destroy();
    await untilConcurrent(0);
    expect((await post(path, bodyOf())).status).toBe(200);
  });

  it('with more bytes than there is room for is told to come back', async () => {
    const { dataUrl, untilConcurrent, post } = await start({ maxBodyBytes: 50_000, maxBodyBytesInFlight: 50_000 });
    const connection = await rawConnection(dataUrl);
    connection.write(`${head(49_900)}[`);
    await untilConcurrent(1);
    for (const headers of [{}, { 'transfer-encoding': 'chunked' }]) {
      const answer = await post(path, bodyOf(), headers);
      expect([answer.status, answer.headers['x-rudder-error-reason']]).toEqual([503, 'too_many_bytes']);
      expect(answer.headers['x-rudder-should-retry']).toBe('true');
    }
    // Never to be taken, and so never told to come back.
    expect((await post(path, bodyOf(1, 'x'.repeat(60_000)))).status).toBe(413);
    connection.destroy();
  });

  it('that comes while the heap is nearly full is told to come back', async () => {
    const { post, get } = await start({ maxHeapUsedRatio: 0 });
    const answer = await post(path, bodyOf());
    expect([answer.status, answer.headers['x-rudder-error-reason']]).toEqual([503, 'memory_fencing']);
    expect((await get('/health')).status).toBe(200);
  });

  it('that reads its answer late has its own, whoever was answered in between', async () => {
    const { dataUrl, post, until } = await start({});
    // More than the kernel takes off our hands, which is 4 MB of an answer that nobody reads.
    const bodyFull = (letter: string): string => bodyOf(600, letter.repeat(12_000));
    const body = bodyFull('a');
    const socket = connect(Number(new URL(dataUrl).port), '127.0.0.1');
    socket.pause();
    socket.write(`${head(Buffer.byteLength(body), 'connection: close\r\n')}${body}`);
    await until('transformer_event_transform_success', 600);
    for (const letter of ['b', 'c']) await post(path, bodyFull(letter));
    const answer = await text(socket);
    expect(answer).toMatch(/^HTTP\/1\.1 200 /);
    const paddings = [...answer.matchAll(/"padding":"(a*)"/g)].map(([, padding]) => padding?.length);
    expect(paddings).toEqual(Array.from({ length: 600 }, () => 12_000));
  }, 60_000);
});
