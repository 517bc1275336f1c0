import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ask, basic, rawConnection, type HttpQuestion, type IngestAnswer } from '../../support/http-client.js';
import { openDataDoor, type DataDoor } from '../../support/data-door.js';

let door: DataDoor;

beforeAll(async () => {
  door = await openDataDoor();
});

afterAll(async () => {
  await door.close();
});

beforeEach(() => {
  door.taken.length = 0;
  door.requests.length = 0;
});

interface Answer {
  readonly status: number;
  readonly headers: Readonly<Record<string, unknown>>;
  readonly json: IngestAnswer;
}

async function request(
  method: string,
  path: string,
  headers: HttpQuestion['headers'],
  body?: unknown,
): Promise<Answer> {
  const text = body === undefined ? undefined : JSON.stringify(body);
  const answer = await ask(`${door.url}${path}`, {
    method,
    ...(headers && { headers }),
    ...(text === undefined ? {} : { body: text }),
  });
  return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.text) as IngestAnswer };
}

const withKey = { authorization: basic('key:') };
const of = (fields: object): object => ({ userId: 'ann', messageId: 'm-1', ...fields });

describe('one event', () => {
  it.each([
    ['track', 't', { event: 'Paid' }, ['track']],
    ['page', 'p', { name: 'Home' }, ['track']],
    ['screen', 's', { name: 'Main' }, ['track']],
    ['identify', 'i', { traits: { plan: 'pro' } }, ['addUserProperties']],
    ['group', 'g', { groupId: 'acme', traits: { plan: 'pro' } }, ['addUserProperties', 'addAccountProperties']],
    ['alias', 'a', { previousId: 'before' }, ['identify']],
  ])('may be posted as a %s to its four paths', async (type, letter, fields, kinds) => {
    const paths = [`/v1/${type}`, `/v1/${letter}`, `/api/s/${type}`, `/api/s/s2s/${type}`];
    for (const path of [...paths, `/v1/${type}/`, `//v1//${type}`]) {
      door.taken.length = 0;
      // The path says what it is; the body may say something else or nothing.
      expect((await request('POST', path, withKey, of({ ...fields, type: 'other' }))).json.delivered).toBe(1);
      expect(door.taken.map(({ kind }) => kind)).toEqual(kinds);
    }
    const [v1, api] = [`/v1/${type} 200`, `/api/s/${type} 200`];
    expect(door.requests).toEqual([v1, v1, api, api, v1, v1]);
  });
});

describe('a batch', () => {
  it.each(['/v1/batch', '/v1/b', '/v1/import', '/beacon/v1/batch', '//v1/batch'])(
    'may be posted to %s',
    async (path) => {
      const batch = [of({ type: 'track', event: 'Paid' }), of({ type: 'page', messageId: 'm-2' })];
      expect((await request('POST', path, withKey, { batch })).json).toMatchObject({ delivered: 2 });
    },
  );
});

it('a request may name the whole address, as it does by way of a proxy', async () => {
  const connection = await rawConnection(door.url);
  const body = JSON.stringify(of({ event: 'Paid' }));
  const head = ['POST http://events.example.com/v1/track?writeKey=key HTTP/1.1', 'Host: x', 'Connection: close'];
  connection.write(`${head.join('\r\n')}\r\nContent-Length: ${body.length}\r\n\r\n${body}`);
  expect(await connection.answer).toMatch(/^HTTP\/1\.1 200 /);
});

describe('the write key', () => {
  const track = of({ event: 'Paid' });

  it.each([
    ['in HTTP Basic', '/v1/track', withKey, track],
    ['in X-Write-Key', '/v1/track', { 'x-write-key': 'key' }, track],
    ['in X-Write-Key with something behind a colon', '/api/s/track', { 'x-write-key': 'key:secret' }, track],
    ['in the query', '/v1/track?writeKey=key', {}, track],
    ['in the query of a beacon', '/beacon/v1/batch?writeKey=key', {}, { batch: [track] }],
    ['in the body', '/v1/track', {}, { ...track, writeKey: 'key' }],
    ['in the body of a batch', '/v1/batch', {}, { batch: [track], writeKey: 'key' }],
    [
      'in the body, beside a token of OAuth',
      '/v1/track',
      { authorization: 'Bearer token' },
      { ...track, writeKey: 'key' },
    ],
  ])('may stand %s', async (_name, path, headers, body) => {
    expect(await request('POST', path, headers, body)).toMatchObject({ status: 200, json: { received: 1 } });
  });

  it.each([
    ['HTTP Basic before X-Write-Key', { ...withKey, 'x-write-key': 'other' }, '', undefined],
    ['X-Write-Key before the query', { 'x-write-key': 'key' }, '?writeKey=other', undefined],
    ['the query before the body', {}, '?writeKey=key', 'other'],
    // Jitsu's SDKs show half of it in the body.
    ['X-Write-Key before the body', { 'x-write-key': 'key:secret' }, '', 'key:***'],
  ])('is taken from %s', async (_name, headers, query, writeKey) => {
    expect((await request('POST', `/v1/track${query}`, headers, { ...track, writeKey })).status).toBe(200);
  });

  it.each([
    ['in HTTP Basic', { authorization: basic('other:') }, { ...track, writeKey: 'key' }],
    ['in X-Write-Key', { 'x-write-key': 'other' }, { ...track, writeKey: 'key' }],
    ['in the body', {}, { ...track, writeKey: 'other' }],
  ])('that is wrong is not made good by another one: %s', async (_name, headers, body) => {
    const { status, json } = await request('POST', '/v1/track', headers, body);
    expect([status, json.error?.reason]).toEqual([401, 'write_key_unknown']);
    expect(door.taken).toEqual([]);
  });

  it.each([
    {},
    { writeKey: '' },
    { writeKey: null },
    { writeKey: 7 },
    { writeKey: ['key'] },
    { context: { writeKey: 'key' } },
  ])('is missing where the body is %j and nothing else names one', async (fields) => {
    const { status, json } = await request('POST', '/v1/track', {}, { ...track, ...fields });
    expect([status, json.error?.reason]).toEqual([401, 'write_key_missing']);
  });

  it('is asked for before anything is said of the body', async () => {
    expect((await request('POST', '/v1/batch', {}, {})).json.error?.reason).toBe('write_key_missing');
    // One that is there and wrong is known to be before the body is read.
    const answer = await ask(`${door.url}/v1/batch`, {
      method: 'POST',
      headers: { 'x-write-key': 'other' },
      body: '{',
    });
    expect([answer.status, JSON.parse(answer.text)]).toMatchObject([401, { error: { reason: 'write_key_unknown' } }]);
  });
});

describe('the settings that SDKs ask for', () => {
  it.each([
    '/sourceConfig',
    '/sourceConfig/?p=npm&v=3.34.1&build=modern&writeKey=key&lockIntegrationsVersion=true',
    '//sourceConfig?p=android&v=1.28.1',
  ])("are RudderStack's at %s", async (path) => {
    const { status, json, headers } = await request('GET', path, withKey);
    expect([status, json]).toMatchObject([200, { source: { enabled: true, writeKey: 'key', destinations: [] } }]);
    expect(headers['cache-control']).toBe('private, max-age=300');
    expect(door.requests).toEqual(['/sourceConfig 200']);
  });

  it.each([
    ['http', {}],
    ['https', { 'x-forwarded-proto': 'https' }],
    ['https', { 'x-forwarded-proto': 'HTTPS,http' }],
    ['http', { 'x-forwarded-proto': 'httpsx' }],
  ])("are Segment's, and say %s for %j", async (protocol, headers) => {
    const answer = await request('GET', '/v1/projects/key/settings', { host: 'events.example.com:8443', ...headers });
    expect([answer.status, answer.json]).toMatchObject([
      200,
      { integrations: { 'Segment.io': { apiKey: 'key', apiHost: 'events.example.com:8443/v1', protocol } } },
    ]);
    expect(door.requests).toEqual(['/v1/projects/:writeKey/settings 200']);
  });

  it.each([
    ['/sourceConfig', {}, 'write_key_missing'],
    ['/sourceConfig', { authorization: basic('other:') }, 'write_key_unknown'],
    ['/v1/projects/other/settings', {}, 'write_key_unknown'],
    ['/v1/projects/other/settings', withKey, 'write_key_unknown'],
  ])('are nobody else’s: %s with %j', async (path, headers, reason) => {
    expect(await request('GET', path, headers)).toMatchObject({ status: 401, json: { error: { reason } } });
  });
});

it('what an SDK counts about itself is taken and thrown away', async () => {
  expect((await request('POST', '/v1/m', {}, { series: [{ type: 'Counter' }] })).status).toBe(200);
  expect(door.taken).toEqual([]);
});
