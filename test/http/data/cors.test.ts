import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ask, basic, type HttpAnswer } from '../../support/http-client.js';
import { openDataDoor, type DataDoor } from '../../support/data-door.js';

const shop = 'https://shop.example.com';
const event = JSON.stringify({ userId: 'ann', event: 'Paid', messageId: 'm-1' });

let open: DataDoor;
let picky: DataDoor;

beforeAll(async () => {
  open = await openDataDoor({ maxBodyBytes: 1_000 });
  picky = await openDataDoor({ allowedOrigins: [shop, 'https://docs.example.com'] });
});

afterAll(async () => {
  await open.close();
  await picky.close();
});

/** Asks beforehand as a browser does that wants to post with these headers from this origin. */
function preflight(door: DataDoor, path: string, origin: string, names?: string): Promise<HttpAnswer> {
  const headers: Record<string, string> = { origin, 'access-control-request-method': 'POST' };
  if (names !== undefined) headers['access-control-request-headers'] = names;
  return ask(`${door.url}${path}`, { method: 'OPTIONS', headers });
}

function post(
  door: DataDoor,
  path: string,
  headers: Readonly<Record<string, string>>,
  body = event,
): Promise<HttpAnswer> {
  return ask(`${door.url}${path}`, { method: 'POST', headers: { authorization: basic('key:'), ...headers }, body });
}

describe('a preflight', () => {
  it.each([
    ["RudderStack's browser SDK", '/v1/track', 'AnonymousId, SentAt, Authorization, content-type'],
    ['the same one when it tries again', '/v1/batch', 'rsa-retry-attempt,rsa-retry-reason,rsa-recovered'],
    ["Segment's browser SDK", '/v1/t', 'authorization,content-type,x-retry-count'],
    ["Jitsu's SDK", '/api/s/track', 'content-type,x-write-key,x-enable-debug,x-ip-policy'],
    ['somebody who compresses', '/v1/batch', 'content-encoding'],
    ['a page with headers of its own', '/v1/batch', 'x-of-the-page'],
  ])('of %s is allowed what it asks for', async (_name, path, names) => {
    const { status, headers, text } = await preflight(open, path, shop, names);
    expect([status, text]).toEqual([204, '']);
    expect(headers).toMatchObject({
      'access-control-allow-origin': shop,
      'access-control-allow-credentials': 'true',
      'access-control-allow-methods': 'GET, POST',
      'access-control-allow-headers': names
        .split(',')
        .map((name) => name.trim())
        .join(', '),
      'access-control-max-age': '7200',
      vary: 'Origin',
    });
  });

  it('needs no write key, costs no event and is counted as what it is', async () => {
    const before = open.taken.length;
    open.requests.length = 0;
    expect((await preflight(open, '/v1/batch', shop)).status).toBe(204);
    expect(open.taken).toHaveLength(before);
    expect(open.requests).toEqual(['preflight 204']);
  });

  it('of an origin that is not on the list is allowed nothing', async () => {
    const { headers } = await preflight(picky, '/v1/batch', 'https://elsewhere.example.com', 'authorization');
    expect(headers['access-control-allow-origin']).toBeUndefined();
    for (const origin of [shop, shop.toUpperCase(), 'https://docs.example.com']) {
      expect((await preflight(picky, '/v1/batch', origin)).headers['access-control-allow-origin']).toBe(origin);
    }
    for (const origin of [`${shop}.evil.example`, 'http://shop.example.com', 'https://shop.example.com:8443', 'null']) {
      expect((await preflight(picky, '/v1/batch', origin)).headers['access-control-allow-origin']).toBeUndefined();
    }
  });

  it('is allowed no more than header names, whatever it asks for', async () => {
    const names = fc.string({ unit: fc.integer({ min: 0x20, max: 0x7e }).map((code) => String.fromCharCode(code)) });
    await fc.assert(
      fc.asyncProperty(names, async (asked) => {
        const { status, headers } = await preflight(open, '/v1/batch', shop, asked);
        expect(status).toBe(204);
        expect(headers['access-control-allow-headers']).toMatch(/^([A-Za-z0-9!#$%&'*+.^_`|~-]+(, |$))*$/);
      }),
      { numRuns: 100 },
    );
  });

  it('without the question is a request for something that is not there', async () => {
    expect((await ask(`${open.url}/v1/batch`, { method: 'OPTIONS', headers: { origin: shop } })).status).toBe(404);
  });
});

describe('an answer to a page of another origin', () => {
  it.each([
    ['that all is well', '/v1/track', {}, event, 200],
    ['that the body is no JSON', '/v1/track', {}, '{', 400],
    ['that the write key is wrong', '/v1/track', { authorization: basic('other:') }, event, 401],
    ['that there is nothing', '/v1/nothing', {}, event, 404],
    ['that the path is none', '/v1/projects/%/settings', {}, event, 404],
    ['that it is too large', '/v1/track', {}, event.padEnd(1_001), 413],
    ['that the encoding is unknown', '/v1/track', { 'content-encoding': 'zstd' }, event, 415],
  ])('%s may be read by the page', async (_name, path, headers, body, expected) => {
    const answer = await post(open, path, { origin: shop, ...headers }, body);
    expect(answer.status).toBe(expected);
    expect(answer.headers['access-control-allow-origin']).toBe(shop);
  });

  it('that it should come back may be read, and when', async () => {
    open.state.hasRoom = false;
    const answer = await post(open, '/v1/track', { origin: shop });
    open.state.hasRoom = true;
    expect([answer.status, answer.headers['retry-after']]).toEqual([503, '5']);
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': shop,
      'access-control-expose-headers': 'Retry-After',
    });
  });

  it('may not be read where the origin is not on the list, though the event is taken', async () => {
    const before = picky.taken.length;
    const answer = await post(picky, '/v1/track', { origin: 'https://elsewhere.example.com' });
    expect(answer.status).toBe(200);
    expect(answer.headers['access-control-allow-origin']).toBeUndefined();
    expect(picky.taken).toHaveLength(before + 1);
  });

  it('says that it differs by origin, also to whoever names none', async () => {
    expect((await post(open, '/v1/track', {})).headers).toMatchObject({ vary: 'Origin' });
  });

  it('asks a browser for no password, which its visitor could not know', async () => {
    const wrong = { authorization: basic('other:') };
    expect((await post(open, '/v1/track', { origin: shop, ...wrong })).headers['www-authenticate']).toMatch(
      /^X-Basic /,
    );
    expect((await post(open, '/v1/track', wrong)).headers['www-authenticate']).toMatch(/^Basic /);
  });
});
