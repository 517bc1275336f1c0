import { createHmac } from 'node:crypto';
import { gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { ask, type HttpAnswer, type HttpQuestion, type IngestAnswer } from '../../support/http-client.js';
import { openDataDoor, type DataDoor } from '../../support/data-door.js';

const secret = 'a-long-secret';

let door: DataDoor;

beforeAll(async () => {
  door = await openDataDoor({
    maxBodyBytes: 100_000,
    webhooks: {
      freshpaint: { secret },
      segment: { hmacSecret: secret, header: 'X-Signature', algorithm: 'sha1' },
      signed: { hmacSecret: secret, header: 'X-Signature', algorithm: 'sha256' },
    },
  });
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
  readonly headers: HttpAnswer['headers'];
  readonly json: IngestAnswer;
}

async function post(
  connection: string,
  body: unknown,
  headers: NonNullable<HttpQuestion['headers']> = { 'x-webhook-secret': secret },
): Promise<Answer> {
  const isRaw = typeof body === 'string' || body instanceof Uint8Array;
  const text = isRaw ? body : JSON.stringify(body);
  const answer = await ask(`${door.url}/v1/webhook/${connection}`, { method: 'POST', headers, body: text });
  return { status: answer.status, headers: answer.headers, json: JSON.parse(answer.text) as IngestAnswer };
}

function sign(algorithm: string, body: string | Uint8Array): string {
  return createHmac(algorithm, secret).update(body).digest('hex');
}

const paid = { type: 'track', event: 'Paid', userId: 'ann', messageId: 'm-1' };

describe('a webhook', () => {
  it('takes one event without a content type, as Freshpaint posts it', async () => {
    const event = {
      event: 'Signed Up',
      type: 'track',
      timestamp: '2022-12-28T21:16:50Z',
      messageId: 'bWVzc2FnZQ==',
      anonymousId: '933ccbda-7195-470e-a233-8917b37102bb',
      context: { page: { url: 'https://x.example', title: 'X', path: '/' }, library: { name: 'freshpaint.js' } },
      properties: { plan: 'pro' },
    };
    const { status, json } = await post('freshpaint', event, { authorization: `Bearer ${secret}` });
    expect([status, json.delivered]).toEqual([200, 1]);
    expect(door.taken.map(({ kind }) => kind)).toEqual(['track']);
    expect(door.requests).toEqual(['/v1/webhook/:connection 200']);
  });

  it.each([
    ['an array', [paid, { ...paid, messageId: 'm-2' }]],
    ['a batch', { batch: [paid, { ...paid, messageId: 'm-2' }] }],
  ])('takes %s of events', async (_name, body) => {
    expect(await post('freshpaint', body)).toMatchObject({ status: 200, json: { received: 2, delivered: 2 } });
  });

  it('answers for each event: a bad one costs no other', async () => {
    const deletion = { type: 'delete', userId: 'ann', messageId: 'm-3' };
    const { status, json } = await post('freshpaint', [paid, null, deletion, { ...paid, messageId: 'm-4' }]);
    expect([status, json.delivered, json.rejected]).toEqual([200, 2, 2]);
    expect(json.results?.map(({ reason }) => reason)).toEqual([
      undefined,
      'event_not_object',
      'type_unsupported',
      undefined,
    ]);
  });

  it.each(['', '[]', '{"batch":[]}'])('takes nothing for nothing: %j', async (body) => {
    expect(await post('freshpaint', body)).toMatchObject({ status: 200, json: { success: true, received: 0 } });
  });

  it('takes what is compressed', async () => {
    const headers = { 'x-webhook-secret': secret, 'content-encoding': 'gzip' };
    expect(await post('freshpaint', gzipSync(JSON.stringify(paid)), headers)).toMatchObject({
      status: 200,
      json: { delivered: 1 },
    });
  });

  it.each([
    ['that is no JSON', '{', {}, 400, 'json_malformed'],
    ['that is no event', '7', {}, 400, 'batch_missing'],
    ['that is not what it says', 'text', { 'content-encoding': 'gzip' }, 400, 'body_unreadable'],
    ['in an unknown encoding', 'text', { 'content-encoding': 'zstd' }, 415, 'encoding_unsupported'],
    ['that is too large', ' '.repeat(100_001), {}, 413, 'body_too_large'],
    [
      'that is too large once it is inflated',
      gzipSync(' '.repeat(100_001)),
      { 'content-encoding': 'gzip' },
      413,
      'body_too_large',
    ],
  ])('refuses a body %s', async (_name, body, headers, status, reason) => {
    const answer = await post('freshpaint', body, { 'x-webhook-secret': secret, ...headers });
    expect(answer).toMatchObject({ status, json: { success: false, error: { reason } } });
    expect(door.taken).toEqual([]);
  });
});

describe('the door of a webhook', () => {
  it.each(['other', 'main', 'FRESHPAINT', '__proto__', 'constructor', '%', '%2e%2e', ' '])(
    'is not there for the connection %j, which has none',
    async (connection) => {
      expect(await post(connection, paid)).toMatchObject({ status: 404, json: { error: { reason: 'route_unknown' } } });
    },
  );

  it.each([
    ['nothing', {}],
    ['a wrong secret', { 'x-webhook-secret': 'another-secret' }],
    ['a write key', { authorization: `Basic ${Buffer.from('key:').toString('base64')}` }],
    ['a signature', { 'x-signature': sign('sha256', JSON.stringify(paid)) }],
  ])('stays shut to who shows %s where a secret is asked for', async (_name, headers) => {
    const { status, json, headers: answered } = await post('freshpaint', paid, headers);
    expect([status, json.error?.reason]).toEqual([401, 'webhook_unauthorized']);
    expect(answered['www-authenticate']).toMatch(/^Bearer /);
    expect(door.taken).toEqual([]);
  });

  it("opens to Segment's signature of the body", async () => {
    const body = JSON.stringify(paid);
    expect(await post('segment', body, { 'x-signature': sign('sha1', body) })).toMatchObject({
      status: 200,
      json: { delivered: 1 },
    });
  });

  it('opens to a signature of the bytes as they were sent, compressed or not', async () => {
    const zipped = gzipSync(JSON.stringify(paid));
    const headers = { 'content-encoding': 'gzip', 'x-signature': `sha256=${sign('sha256', zipped)}` };
    expect(await post('signed', zipped, headers)).toMatchObject({ status: 200, json: { delivered: 1 } });
    const other = { ...headers, 'x-signature': sign('sha256', JSON.stringify(paid)) };
    expect(await post('signed', zipped, other)).toMatchObject({
      status: 401,
      json: { error: { reason: 'webhook_unauthorized' } },
    });
  });

  it('stays shut to a signature of another body, and to the secret itself', async () => {
    const headers = { 'x-signature': sign('sha256', JSON.stringify(paid)) };
    const changed = { ...paid, event: 'Refunded' };
    for (const shown of [headers, { 'x-webhook-secret': secret }, { authorization: `Bearer ${secret}` }]) {
      expect(await post('signed', changed, shown)).toMatchObject({
        status: 401,
        json: { error: { reason: 'webhook_unauthorized' } },
      });
    }
    expect(door.taken).toEqual([]);
  });

  it('asks the sender to come back while there is no room, and while the service stops', async () => {
    door.state.hasRoom = false;
    expect(await post('freshpaint', paid)).toMatchObject({
      status: 503,
      headers: { 'retry-after': '5' },
      json: { error: { reason: 'backlog_full' } },
    });
    door.state.hasRoom = true;
    door.state.isStopping = true;
    expect(await post('freshpaint', paid)).toMatchObject({ status: 503, json: { error: { reason: 'shutting_down' } } });
    door.state.isStopping = false;
  });

  it('is none for the pages of a browser', async () => {
    const origin = 'https://shop.example.com';
    const { headers: answered } = await post('freshpaint', paid, { origin, 'x-webhook-secret': secret });
    expect(answered['access-control-allow-origin']).toBeUndefined();
  });
});
