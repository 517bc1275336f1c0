import { gzipSync } from 'node:zlib';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { SimulatedHeap } from '../../../../src/destinations/heap/simulator/simulated-heap.js';
import { appId, noon } from './post-to-heap.js';

const paths = [
  '/api/track',
  '/api/add_user_properties',
  '/api/add_account_properties',
  '/api/v1/identify',
  '/api/integrations/track',
  '/api/integrations/add_user_properties',
  '/api/public/v0/auth_token',
  '/api/public/v0/user_deletion',
  '/api/public/v0/deletion_status/x',
  '/_simulator/faults',
  '/_simulator/events',
  '/_simulator/reset',
  '/',
];

const anyField = fc.oneof(
  fc.jsonValue(),
  fc.constantFrom(appId, '0', 'alice', '__proto__', 'constructor', 'server', '2017-03-10T22:21:56Z', 2 ** 53, -1),
  fc.dictionary(fc.constantFrom('__proto__', 'id', 'toString', 'k', 'identity', 'email'), fc.jsonValue()),
);

const item = fc.record(
  {
    identity: anyField,
    user_id: anyField,
    event: anyField,
    account_id: anyField,
    properties: anyField,
    custom_properties: anyField,
    user_identifier: anyField,
    timestamp: anyField,
    idempotency_key: anyField,
    session_id: anyField,
  },
  { requiredKeys: [] },
);

const list = fc.oneof(fc.array(fc.oneof(item, fc.jsonValue()), { maxLength: 4 }), fc.jsonValue());

/** Bodies that look like requests in places, so that every reader is reached. */
const nearlyRequest = fc
  .tuple(
    item,
    fc.record({ app_id: anyField, library: anyField, events: list, users: list, accounts: list }, { requiredKeys: [] }),
  )
  .map(([fields, head]) => ({ ...fields, ...head }));

const statusOf = (heap: SimulatedHeap, path: string, body: string | Buffer, headers = {}) =>
  heap.handle({ method: 'POST', path, body, headers, query: new URLSearchParams('app_id=1') }, noon).status;

describe('any request', () => {
  it('is answered, never thrown at: JSON of any shape', () => {
    const heap = new SimulatedHeap();
    const body = fc.oneof(nearlyRequest, fc.jsonValue());
    fc.assert(
      fc.property(fc.constantFrom(...paths), body, (path, value) => {
        expect(statusOf(heap, path, JSON.stringify(value))).toBeGreaterThanOrEqual(200);
      }),
      { numRuns: 2000 },
    );
    for (const question of ['state', 'stats', 'users', 'events', 'accounts', 'faults']) {
      const query = new URLSearchParams('app_id=0&limit=10000');
      expect(heap.handle({ method: 'GET', path: `/_simulator/${question}`, query }, noon).status).toBe(200);
    }
  });

  it('is answered, never thrown at: bytes of any kind, said to be gzip or not', () => {
    const heap = new SimulatedHeap();
    const encoding = fc.constantFrom('gzip', 'br', 'identity', '');
    fc.assert(
      fc.property(fc.constantFrom(...paths), fc.uint8Array(), encoding, (path, bytes, contentEncoding) => {
        const headers = { 'content-encoding': contentEncoding, authorization: Buffer.from(bytes).toString('latin1') };
        expect(statusOf(heap, path, Buffer.from(bytes), headers)).toBeGreaterThanOrEqual(200);
      }),
      { numRuns: 1000 },
    );
  });

  it('may be nested a hundred thousand levels deep', () => {
    const heap = new SimulatedHeap();
    const deep = '['.repeat(100_000) + ']'.repeat(100_000);
    for (const path of paths) expect(statusOf(heap, path, deep)).toBeGreaterThanOrEqual(200);
    const fields = `"identity":"a","event":"e","app_id":"1","account_id":"a","user_id":"1","library":"x"`;
    for (const path of paths) {
      for (const field of ['properties', 'events', 'users', 'accounts', 'action', 'user_identifier']) {
        const body = `{${fields},"${field}":${deep}}`;
        expect(statusOf(heap, path, body)).toBeGreaterThanOrEqual(200);
      }
    }
  });
});

describe('a body', () => {
  const event = JSON.stringify({ app_id: appId, identity: 'alice', event: 'e' });
  const gzip = { 'content-encoding': 'gzip' };

  it('may be gzipped', () => {
    expect(statusOf(new SimulatedHeap(), '/api/track', gzipSync(event), gzip)).toBe(200);
  });

  it('that is not JSON, not gzip or in an unknown encoding is answered 400', () => {
    expect(statusOf(new SimulatedHeap(), '/api/track', '{')).toBe(400);
    expect(statusOf(new SimulatedHeap(), '/api/track', '[]')).toBe(400);
    expect(statusOf(new SimulatedHeap(), '/api/track', event, gzip)).toBe(400);
    expect(statusOf(new SimulatedHeap(), '/api/track', event, { 'content-encoding': 'br' })).toBe(400);
  });

  it('over the cap is answered 413, before and after unzipping', () => {
    const heap = new SimulatedHeap({ maxBodyBytes: event.length });
    const padded = `${event} `;
    expect(statusOf(heap, '/api/track', event)).toBe(200);
    expect(statusOf(heap, '/api/track', Buffer.from(event))).toBe(200);
    expect(statusOf(heap, '/api/track', padded)).toBe(413);
    expect(statusOf(heap, '/api/track', Buffer.from(padded))).toBe(413);
    expect(statusOf(heap, '/api/track', event.replace('"e"', '"é"'))).toBe(413);
    expect(statusOf(heap, '/api/track', gzipSync(' '.repeat(100_000)), gzip)).toBe(413);
  });

  it('of an unknown path or with a wrong method is not looked at: 404, 405', () => {
    const heap = new SimulatedHeap();
    expect(statusOf(heap, '/api/identify', event)).toBe(404);
    const reply = heap.handle({ method: 'PUT', path: '/api/track', body: event }, noon);
    expect(reply).toMatchObject({ status: 405, headers: { allow: 'POST' } });
  });
});
