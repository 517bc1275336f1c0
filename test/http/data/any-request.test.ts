import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { eventRoutes } from '../../../src/http/data/event-routes.js';
import { ask, basic, rawConnection } from '../../support/http-client.js';
import { openDataDoor, type DataDoor } from '../../support/data-door.js';

const secret = 'a-long-secret';

let door: DataDoor;

beforeAll(async () => {
  door = await openDataDoor({
    maxBodyBytes: 10_000,
    webhooks: { shared: { secret }, signed: { hmacSecret: secret, header: 'X-Signature', algorithm: 'sha256' } },
  });
});

afterAll(async () => {
  await door.close();
});

/** Bytes as characters: whatever a socket can carry in a line. */
const line = fc
  .array(fc.integer({ min: 0x01, max: 0xff }), { maxLength: 30 })
  .map((codes) => String.fromCharCode(...codes.filter((code) => code !== 0x0d && code !== 0x0a)));
const path = fc.oneof(
  fc.constantFrom(
    ...eventRoutes.map((route) => route.path),
    '/v1/m',
    '/sourceConfig',
    '/v1/projects/key/settings',
    '/v1/webhook/shared',
    '/v1/webhook/signed',
  ),
  line.map((part) => `/v1/projects/${part}/settings`),
  line.map((part) => `/v1/webhook/${part}`),
  line.map((part) => `/${part}`),
  line,
);
const query = fc.oneof(
  fc.constant(''),
  fc.constant('?writeKey=key'),
  line.map((text) => `?${text}`),
);
const headers = fc.array(
  fc.oneof(
    fc.constantFrom(
      `Authorization: ${basic('key:')}`,
      `Authorization: Bearer ${secret}`,
      'X-Write-Key: key',
      'Origin: https://shop.example.com',
      'Access-Control-Request-Method: POST',
      'Content-Encoding: gzip',
      'Content-Encoding: br',
    ),
    fc
      .tuple(
        fc.constantFrom(
          'Authorization',
          'X-Write-Key',
          'X-Webhook-Secret',
          'X-Signature',
          'Origin',
          'Access-Control-Request-Headers',
          'Content-Encoding',
          'Content-Type',
          'X-Forwarded-Proto',
          'Cookie',
        ),
        line,
      )
      .map(([name, value]) => `${name}: ${value}`),
  ),
  { maxLength: 4 },
);
const json = fc.jsonValue({ maxDepth: 3, stringUnit: 'binary' });
const text = fc.oneof(
  json.map((value) => JSON.stringify(value)),
  fc
    .record({ batch: fc.oneof(json, fc.array(json, { maxLength: 4 })), writeKey: json, context: json })
    .map((value) => JSON.stringify(value)),
);
const body = fc.oneof(
  fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes)),
  text.map((value) => Buffer.from(value)),
  text.map((value) => gzipSync(value)),
);
const method = fc.constantFrom('POST', 'POST', 'POST', 'GET', 'OPTIONS', 'HEAD', 'PUT', 'DELETE', 'PATCH');

it('any request is answered, and never with a failure of the service', async () => {
  await fc.assert(
    fc.asyncProperty(method, path, query, headers, body, async (verb, where, asked, lines, bytes) => {
      const head = [`${verb} ${where}${asked} HTTP/1.1`, 'Host: x', 'Connection: close', ...lines];
      const connection = await rawConnection(door.url);
      connection.write(Buffer.from(`${head.join('\r\n')}\r\nContent-Length: ${bytes.length}\r\n\r\n`, 'latin1'));
      connection.write(bytes);
      const answer = await connection.answer;
      expect(answer).toMatch(/^HTTP\/1\.1 (200|204|400|401|404|413|415) /);
    }),
    { seed: 20_261_122, numRuns: 600 },
  );
  expect(door.errors).toEqual([]);
}, 60_000);

it('whatever came before, the next request is taken', async () => {
  for (const bytes of ['nonsense\r\n\r\n', '\0\0\r\n\r\n', 'GET http://[ HTTP/1.1\r\n\r\n', '\r\n'.repeat(3_000)]) {
    const connection = await rawConnection(door.url);
    connection.write(bytes);
    connection.destroy();
    await connection.answer;
  }
  const event = JSON.stringify({ userId: 'ann', event: 'Paid', messageId: 'm-1' });
  const question = { method: 'POST', headers: { authorization: basic('key:') }, body: event };
  expect(JSON.parse((await ask(`${door.url}/v1/track`, question)).text)).toMatchObject({ delivered: 1 });
  expect(door.errors).toEqual([]);
});
