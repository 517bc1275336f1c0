import { brotliCompressSync, deflateRawSync, deflateSync, gzipSync } from 'node:zlib';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { eventTypes } from '../../src/core/event/event.js';
import { ask, basic, ingest, rawConnection, type Ingested } from '../support/http-client.js';
import { appId, startTestService, type TestService } from '../support/running-service.js';

const maxBodyBytes = 4 * 1024 * 1024;

let running: TestService;

beforeAll(async () => {
  running = await startTestService({ server: { maxBodyBytes } });
});

afterAll(async () => {
  await running.close();
});

beforeEach(() => {
  running.simulator.heap.reset();
});

function send(path: string, body: unknown, headers: Readonly<Record<string, string>> = {}): Promise<Ingested> {
  return ingest(running.dataUrl, path, body, { headers });
}

/** The properties of the event that Heap took as number `index`. */
function storedProperties(index: number): unknown {
  return running.simulator.heap.findApp(appId)?.events[index]?.properties;
}

const event = { type: 'track', userId: 'ann', event: 'Signed Up', messageId: 'm-1' };

function expectRefusal(answer: Ingested, status: number, reason: string): void {
  expect(answer.json).toEqual({ success: false, error: { reason, message: expect.stringMatching(/\w/) } });
  expect(answer.status).toBe(status);
  expect(answer.headers['content-type']).toMatch(/^application\/json/);
  expect(running.heapEvents()).toEqual([]);
}

describe('the data port', () => {
  it('delivers a batch and answers with the result of each event', async () => {
    const { status, json } = await send('/v1/batch', { batch: [event, { ...event, event: 'Paid', messageId: 'm-2' }] });
    expect(status).toBe(200);
    expect(json).toEqual({
      success: true,
      received: 2,
      accepted: 0,
      delivered: 2,
      dropped: 0,
      rejected: 0,
      results: [
        { index: 0, messageId: 'm-1', outcome: 'delivered' },
        { index: 1, messageId: 'm-2', outcome: 'delivered' },
      ],
    });
    expect(running.heapEvents()).toEqual(['Signed Up', 'Paid']);
  });

  it('answers an empty batch', async () => {
    const { status, json } = await send('/v1/batch', { batch: [] });
    expect([status, json]).toEqual([
      200,
      { success: true, received: 0, accepted: 0, delivered: 0, dropped: 0, rejected: 0, results: [] },
    ]);
  });

  it.each([
    ['track', { userId: 'ann', event: 'Signed Up' }, { track: 1 }],
    ['page', { userId: 'ann', name: 'Home' }, { track: 1 }],
    ['screen', { userId: 'ann', name: 'Main' }, { track: 1 }],
    ['identify', { userId: 'ann', anonymousId: 'a-1', traits: { plan: 'pro' } }, { identify: 1, userProperties: 1 }],
    [
      'group',
      { userId: 'ann', groupId: 'g-1', traits: { name: 'Initech' } },
      { userProperties: 1, accountProperties: 1 },
    ],
    ['alias', { userId: 'ann', previousId: 'a-1' }, { identify: 1 }],
  ])('takes one event at /v1/%s', async (type, body, written) => {
    const { status, json } = await send(`/v1/${type}`, body);
    expect([status, json.results]).toMatchObject([200, [{ outcome: 'delivered' }]]);
    const nothing = { track: 0, userProperties: 0, accountProperties: 0, identify: 0 };
    expect(running.simulator.heap.statistics().items).toEqual({ ...nothing, ...written });
  });

  it.each([
    ['GET', '/v1/batch'],
    ['PUT', '/v1/batch'],
    ['POST', '/v1/delete'],
    ['POST', '/'],
    ['POST', '/%'],
    ['POST', '/v1/batch/more'],
    ['POST', '/v1/x'],
    ['GET', '/sourceConfig/more'],
    ['GET', '/v1/projects/%/settings'],
    ['POST', '/v1/webhook/main'],
    ['OPTIONS', '/v1/batch'],
  ])('has nothing at %s %s', async (method, path) => {
    const answer = await ask(`${running.dataUrl}${path}`, { method, headers: { authorization: basic('key:') } });
    expect(answer.status).toBe(404);
    expect(JSON.parse(answer.text)).toMatchObject({ success: false, error: { reason: 'route_unknown' } });
  });

  it('has neither metrics nor health on the data port, nor the name of what it is made of', async () => {
    for (const path of ['/metrics', '/health']) expect((await ask(`${running.dataUrl}${path}`)).status).toBe(404);
    expect((await send('/v1/batch', { batch: [] })).headers['x-powered-by']).toBeUndefined();
  });
});

describe('the write key', () => {
  it.each([
    ['without a header', '', 'write_key_missing'],
    ['with another scheme', 'Bearer key', 'write_key_missing'],
    ['with what is not base64', 'Basic ???', 'write_key_missing'],
    ['with an empty key', basic(':'), 'write_key_missing'],
    ['as a password', basic(':key'), 'write_key_missing'],
    ['that nobody has', basic('other:'), 'write_key_unknown'],
    ['in another case', basic('KEY:'), 'write_key_unknown'],
    ['with a space after it', basic('key :'), 'write_key_unknown'],
    ['that every object has', basic('__proto__:'), 'write_key_unknown'],
  ])('is refused %s', async (_name, authorization, reason) => {
    const answer = await send('/v1/batch', { batch: [event] }, { authorization });
    expectRefusal(answer, 401, reason);
    expect(answer.headers['www-authenticate']).toMatch(/^Basic /);
  });

  it('may stand in the header without the colon', async () => {
    expect((await send('/v1/batch', { batch: [event] }, { authorization: basic('key') })).json.delivered).toBe(1);
  });

  it('is not repeated in the refusal', async () => {
    const answer = await send('/v1/batch', { batch: [] }, { authorization: basic('a-secret-key:') });
    expect(answer.text).not.toContain('a-secret-key');
  });
});

describe('a body', () => {
  const text = JSON.stringify({ batch: [{ ...event, properties: { text: 'grüße 🎉' } }] });

  it.each<[string, string, (body: string) => Buffer]>([
    ['gzip', 'gzip', gzipSync],
    ['x-gzip', 'x-gzip', gzipSync],
    ['GZIP', 'GZIP', gzipSync],
    ['deflate', 'deflate', deflateSync],
    ['deflate without its wrapper', 'deflate', deflateRawSync],
    ['br', 'br', brotliCompressSync],
    ['identity', 'identity', (body) => Buffer.from(body)],
  ])('may be sent as %s', async (name, encoding, encode) => {
    const batch = [{ ...event, messageId: name, properties: { text: 'grüße 🎉' } }];
    const answer = await send('/v1/batch', encode(JSON.stringify({ batch })), { 'content-encoding': encoding });
    expect(answer.json).toMatchObject({ delivered: 1 });
    expect(storedProperties(0)).toEqual({ text: 'grüße 🎉' });
  });

  it.each(['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'application/json; charset=latin1'])(
    'is JSON even if it says %s',
    async (contentType) => {
      expect((await send('/v1/batch', text, { 'content-type': contentType })).json).toMatchObject({ delivered: 1 });
    },
  );

  it('that is too large is refused, with its length announced or not', async () => {
    const body = Buffer.alloc(maxBodyBytes + 1, ' ');
    expectRefusal(await send('/v1/batch', body), 413, 'body_too_large');
    expectRefusal(await send('/v1/batch', body, { 'transfer-encoding': 'chunked' }), 413, 'body_too_large');
  });

  it('may be as large as the limit', async () => {
    const body = text.padEnd(maxBodyBytes - (Buffer.byteLength(text) - text.length), ' ');
    expect((await send('/v1/batch', body)).json).toMatchObject({ delivered: 1 });
  });

  it.each([
    ['gzip', Buffer.from(text)],
    ['gzip', Buffer.alloc(0)],
    ['gzip', gzipSync(text).subarray(0, -10)],
    ['deflate', Buffer.from('not deflate')],
    ['br', Buffer.from('not br')],
  ])('that is no %s is refused', async (encoding, body) => {
    expectRefusal(await send('/v1/batch', body, { 'content-encoding': encoding }), 400, 'body_unreadable');
  });

  it.each(['zstd', 'compress', 'gzip, gzip', 'toString', '*'])(
    'in the unknown encoding %s is refused',
    async (encoding) => {
      expectRefusal(await send('/v1/batch', text, { 'content-encoding': encoding }), 415, 'encoding_unsupported');
    },
  );

  it.each(['', '{', '{"batch":[', 'null x', 'batch=1', '<xml/>'])('that is %j is no JSON', async (body) => {
    expectRefusal(await send('/v1/batch', body), 400, 'json_malformed');
  });

  it.each(['{}', '[]', 'null', '7', '{"batch":{}}', '{"type":"track"}'])('that is %s has no batch', async (body) => {
    expectRefusal(await send('/v1/batch', body), 400, 'batch_missing');
  });

  it('that has more events than one request may hold is refused', async () => {
    expectRefusal(await send('/v1/batch', `{"batch":[${'0,'.repeat(10_000)}0]}`), 413, 'batch_too_long');
    expect((await send('/v1/batch', `{"batch":[${'0,'.repeat(9_999)}0]}`)).json).toMatchObject({ rejected: 10_000 });
  });

  it('that is no event is refused at the path of a type', async () => {
    for (const body of ['[]', 'null', '"text"']) expectRefusal(await send('/v1/track', body), 400, 'batch_missing');
  });

  it('whose end was cut is answered to whoever still listens', async () => {
    const connection = await rawConnection(running.dataUrl);
    const head = `POST /v1/batch HTTP/1.1\r\nhost: x\r\nconnection: close\r\nauthorization: ${basic('key:')}\r\n`;
    connection.write(`${head}transfer-encoding: chunked\r\n\r\n5\r\n{"bat\r\nnonsense\r\n`);
    expect(await connection.answer).toMatch(/^HTTP\/1\.1 400 /);
  });

  it('with bytes that are no UTF-8 is read all the same', async () => {
    const body = Buffer.concat([
      Buffer.from('{"batch":[{"type":"track","userId":"ann","event":"'),
      Buffer.from([0xff, 0xc3]),
      Buffer.from('"}]}'),
    ]);
    expect((await send('/v1/batch', body)).json).toMatchObject({ delivered: 1 });
    expect(running.heapEvents()).toEqual(['��']);
  });

  it('may begin with a byte order mark', async () => {
    expect((await send('/v1/batch', `\uFEFF${text}`)).json).toMatchObject({ delivered: 1 });
  });

  it.each([
    ['[', ']'],
    ['{"a":', '1}'],
  ])('nested a hundred thousand levels deep in %s is refused', async (open, close) => {
    const depth = 100_000;
    const nested = `${open.repeat(depth)}${close.startsWith('1') ? '1' : ''}${close.slice(-1).repeat(depth)}`;
    expectRefusal(await send('/v1/batch', nested), 400, 'batch_missing');
  });
});

describe('one bad event', () => {
  const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`;
  const manyKeys = JSON.stringify(Object.fromEntries(Array.from({ length: 10_000 }, (_, key) => [`k${key}`, key])));
  let ids = 0;
  const withText = (fields: string): string =>
    `{"type":"track","userId":"ann","event":"Bad","messageId":"b${(ids += 1)}",${fields}}`;

  /** Between two good events. */
  async function sendBetween(badText: string): Promise<Ingested> {
    const before = JSON.stringify({ ...event, event: 'Before', messageId: `before ${(ids += 1)}` });
    const after = JSON.stringify({ ...event, event: 'After', messageId: `after ${ids}` });
    return send('/v1/batch', `{"batch":[${before},${badText},${after}]}`);
  }

  it.each([
    ['null', 'null', 'event_not_object'],
    ['a number', '7', 'event_not_object'],
    ['a text', '"track"', 'event_not_object'],
    ['a list', '[{}]', 'event_not_object'],
    ['an empty object', '{}', 'type_missing'],
    ['no type', '{"userId":"ann","event":"Bad"}', 'type_missing'],
    ['null for a type', '{"type":null,"userId":"ann","event":"Bad"}', 'type_missing'],
    ['an unknown type', '{"type":"delete","userId":"ann"}', 'type_unsupported'],
    ['a type that every object has', '{"type":"constructor","userId":"ann"}', 'type_unsupported'],
    ['a number for a type', '{"type":7,"userId":"ann"}', 'field_type_invalid'],
    ['an object for a user id', '{"type":"track","userId":{"a":1},"event":"Bad"}', 'field_type_invalid'],
    ['a truth value for an event name', '{"type":"track","userId":"ann","event":true}', 'field_type_invalid'],
    ['a list for properties', withText('"properties":[1]'), 'field_type_invalid'],
    ['a text for traits', '{"type":"identify","userId":"ann","traits":"pro"}', 'field_type_invalid'],
    ['a number for context', withText('"context":1'), 'field_type_invalid'],
    ['an object for a time', withText('"timestamp":{}'), 'field_type_invalid'],
    ['nobody it is about', '{"type":"track","event":"Bad"}', 'identity_missing'],
    ['empty ids', '{"type":"track","event":"Bad","userId":"","anonymousId":null}', 'identity_missing'],
    ['a placeholder for a user', '{"type":"track","event":"Bad","userId":"undefined"}', 'identity_placeholder'],
    ['an endless user id', `{"type":"track","event":"Bad","userId":"${'u'.repeat(256)}"}`, 'identity_too_long'],
    ['a NUL in the user id', '{"type":"track","event":"Bad","userId":"a\\u0000b"}', 'identity_invalid'],
    ['half a surrogate pair in the user id', '{"type":"track","event":"Bad","userId":"a\\ud800"}', 'identity_invalid'],
    ['no event name', '{"type":"track","userId":"ann"}', 'event_name_missing'],
    ['no group id', '{"type":"group","userId":"ann","traits":{"a":1}}', 'account_id_missing'],
    ['no previous id', '{"type":"alias","userId":"ann"}', 'previous_id_missing'],
    ['10,000 keys', withText(`"properties":${manyKeys}`), 'too_many_keys'],
    ['5,000 levels', withText(`"properties":${deep(5_000)}`), 'nested_too_deep'],
    ['over 1 MB of text', withText(`"properties":{"a":"${'x'.repeat(1_100_000)}"}`), 'event_too_large'],
    ['over 1 MB of small things', withText(`"properties":{"a":[${'"x",'.repeat(300_000)}1]}`), 'event_too_large'],
  ])('with %s is rejected by itself, and its neighbours are delivered', async (_name, badText, reason) => {
    const { status, json } = await sendBetween(badText);
    expect(status).toBe(200);
    expect(json).toMatchObject({ success: true, received: 3, delivered: 2, rejected: 1 });
    expect(json.results?.[1]).toMatchObject({ outcome: 'rejected', reason, message: expect.stringMatching(/\w/) });
    expect(running.heapEvents()).toEqual(['Before', 'After']);
  });

  it.each([
    ['a text of 1,000,000 characters', `"properties":{"a":"${'x'.repeat(1_000_000)}"}`, 'value_truncated'],
    ['a key twice', '"properties":{"a":1,"a":2}', 'duplicate_key'],
    ['half a surrogate pair', '"properties":{"a":"x\\ud83d"}', 'surrogate_replaced'],
    ['a NUL', '"properties":{"a":"x\\u0000y"}', 'nul_removed'],
    ['a NUL in a key', '"properties":{"x\\u0000y":1}', 'nul_removed'],
    ['a blank key', '"properties":{" ":1,"b":2}', 'blank_key_dropped'],
    ['a key of 1,025 characters', `"properties":{"${'k'.repeat(1_025)}":1}`, 'key_truncated'],
    ['a number that no double holds', '"properties":{"a":1e999}', 'number_out_of_range'],
    ['a time that is none', '"timestamp":"yesterday"', 'timestamp_invalid'],
  ])('with %s is delivered, and the change is told', async (_name, fields, adjustment) => {
    const { json } = await sendBetween(withText(fields));
    expect(json).toMatchObject({ received: 3, delivered: 3 });
    expect(json.results?.map(({ adjustments }) => adjustments)).toEqual([undefined, [adjustment], undefined]);
    expect(running.heapEvents()).toEqual(['Before', 'Bad', 'After']);
  });

  it('with keys that every object has is delivered with them', async () => {
    const { json } = await sendBetween(
      withText(
        '"properties":{"__proto__":{"a":1},"constructor":"c","toString":"t","hasOwnProperty":1},"__proto__":{"type":"x"}',
      ),
    );
    expect(json).toMatchObject({ delivered: 3 });
    expect(storedProperties(1)).toEqual({ '__proto__.a': 1, constructor: 'c', toString: 't', hasOwnProperty: 1 });
    expect(({} as Record<string, unknown>).a).toBeUndefined();
  });

  it('with nothing that Heap could store is dropped', async () => {
    const { json } = await sendBetween('{"type":"identify","anonymousId":"a-1","traits":{"plan":"pro"}}');
    expect(json).toMatchObject({ received: 3, delivered: 2, dropped: 1 });
    expect(json.results?.[1]).toMatchObject({ outcome: 'dropped', reason: 'anonymous_traits_unsupported' });
  });

  it('does not show its personal data to whoever reads the answer', async () => {
    const { text } = await sendBetween('{"type":"track","userId":{"email":"eve@example.com"},"event":"Bad"}');
    expect(text).not.toContain('eve@example.com');
  });
});

describe('whatever is sent', () => {
  const paths = ['/v1/batch', ...eventTypes.map((type) => `/v1/${type}`), '/v1/other'];
  const anyJson = fc.jsonValue({ maxDepth: 4, stringUnit: 'binary' });
  const anyEvent = fc.record(
    {
      type: fc.oneof(fc.constantFrom(...eventTypes), anyJson),
      userId: anyJson,
      anonymousId: anyJson,
      groupId: anyJson,
      previousId: anyJson,
      event: anyJson,
      name: anyJson,
      messageId: anyJson,
      timestamp: anyJson,
      sentAt: anyJson,
      properties: anyJson,
      traits: anyJson,
      context: anyJson,
    },
    { requiredKeys: [] },
  );
  const anyBody: fc.Arbitrary<string | Uint8Array> = fc.oneof(
    fc.uint8Array({ maxLength: 200 }),
    anyJson.map((value) => JSON.stringify(value)),
    fc
      .record({ batch: fc.array(fc.oneof(anyEvent, anyJson), { maxLength: 5 }), context: anyJson, sentAt: anyJson })
      .map((value) => JSON.stringify(value)),
    anyEvent.map((value) => JSON.stringify(value)),
  );

  it('the answer is one that a sender can use, and never a failure of the service', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...paths),
        anyBody,
        fc.constantFrom('identity', 'identity', 'identity', 'gzip', 'br', 'lzma'),
        async (path, body, encoding) => {
          const { status, json } = await send(path, body, { 'content-encoding': encoding });
          expect([200, 400, 404, 415]).toContain(status);
          expect(json.success).toBe(status === 200);
          if (status === 200) {
            expect(json.results).toHaveLength(json.received ?? -1);
            for (const { outcome, reason } of json.results ?? []) {
              expect(['delivered', 'dropped', 'rejected']).toContain(outcome);
              expect(reason === undefined).toBe(outcome === 'delivered');
              // The simulator is as strict as Heap: whatever it refuses was not made to its rules.
              expect(reason).not.toBe('heap_rejected');
            }
          }
        },
      ),
      { seed: 20_261_122, numRuns: 400 },
    );
    expect(running.log.filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);

  it('what is no HTTP is answered 400 and the next request is taken', async () => {
    for (const bytes of ['nonsense\r\n\r\n', 'POST /v1/batch HTTP/1.1\r\ncontent-length: x\r\n\r\n', '\0\0\r\n\r\n']) {
      const connection = await rawConnection(running.dataUrl);
      connection.write(bytes);
      expect(await connection.answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect((await send('/v1/batch', { batch: [event] })).json).toMatchObject({ delivered: 1 });
  });
});
