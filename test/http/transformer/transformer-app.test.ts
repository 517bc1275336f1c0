import { afterAll, beforeAll, describe, expect, it } from '@jest/globals';

import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { deliveryRequest, destinationOf, metadataOf } from '../../support/rudderstack.js';
import { rudderCases } from '../../support/rudderstack-cases.js';
import { runTransformer, type JsonAnswer, type RunningTestTransformer } from '../../support/running-transformer.js';

let transformer: RunningTestTransformer;

beforeAll(async () => {
  transformer = await runTransformer();
});

afterAll(async () => {
  await transformer.stop();
});

const processorPath = '/v0/destinations/heap';
const json = 'application/json; charset=utf-8';
const destination = destinationOf();
const track = { type: 'track', userId: 'ann', event: 'E' };

function eventOf(message: Json, jobId = 1, members: JsonObject = { destination }): JsonObject {
  return { message, metadata: metadataOf(jobId), ...members };
}

/** What the answer to `track` holds for the job with this id. */
function transformed(jobId = 1): JsonObject {
  const json = { app_id: '9000000101', identity: 'ann', event: 'E', properties: {} };
  return {
    output: deliveryRequest('https://heapanalytics.com/api/track', json),
    metadata: metadataOf(jobId),
    statusCode: 200,
  };
}

function expectVersioned(answer: JsonAnswer): void {
  expect(answer.status).toBe(200);
  expect(answer.headers['content-type']).toBe(json);
  expect(answer.headers.apiversion).toBe('2');
  expect(answer.headers['content-length']).toBe(String(Buffer.byteLength(answer.text)));
}

describe('POST /v0/destinations/heap', () => {
  it('answers plain and compacted requests of every case, each with the version of the protocol', async () => {
    for (const { requests, expected } of rudderCases('processor')) {
      for (const { text } of requests) {
        const answer = await transformer.post(processorPath, text);
        expectVersioned(answer);
        expect(answer.json).toEqual(expected);
      }
    }
  }, 60_000);

  it('takes a compacted body with the header that announces it and without', async () => {
    const body = { input: [eventOf(track, 1, {})], destinations: { 'dest-1': destination }, connections: {} };
    for (const headers of [{}, { 'X-Content-Format': 'json+compactedv1' }, { 'X-Content-Format': 'JSON' }]) {
      const answer = await transformer.post(processorPath, body, headers);
      expectVersioned(answer);
      expect(answer.json).toEqual([transformed()]);
    }
  });

  it('takes a plain body with the header of compacted ones', async () => {
    const headers = { 'X-Content-Format': 'json+compactedv1' };
    expect((await transformer.post(processorPath, [eventOf(track)], headers)).json).toEqual([transformed()]);
  });

  it('takes the headers that rudder-server sends, and echoes no secret of them', async () => {
    const headers = {
      'X-Feature-Gzip-Support': '?1',
      'X-Feature-Filter-Code': '?1',
      'Oauth-Secret': '{"access_token":"shh-1"}',
      'Accept-Encoding': 'gzip',
      Connection: 'close',
    };
    const answer = await transformer.post(processorPath, [eventOf(track)], headers);
    expectVersioned(answer);
    expect(answer.headers['content-encoding']).toBeUndefined();
    expect(answer.json).toEqual([transformed()]);
    expect(JSON.stringify([answer.headers, answer.text])).not.toContain('shh-1');
  });

  it('fails the event whose destination is missing and no other, connection or not', async () => {
    const body = {
      input: [
        eventOf(track, 1, {}),
        { message: track, metadata: metadataOf(2, { destinationId: 'nowhere' }) },
        eventOf(track, 3, {}),
      ],
      destinations: { 'dest-1': destination },
    };
    const answer = await transformer.post(processorPath, body, { 'X-Content-Format': 'json+compactedv1' });
    expectVersioned(answer);
    expect(answer.json).toMatchObject([transformed(1), { statusCode: 400, metadata: { jobId: 2 } }, transformed(3)]);
  });

  it('answers nothing to no events', async () => {
    const answer = await transformer.post(processorPath, []);
    expectVersioned(answer);
    expect(answer.text).toBe('[]');
  });

  it.each(['{}', '{"input":{}}', '{"destinations":{}}', '', 'nonsense', '[{]', 'null', '7', '"text"'])(
    'refuses %j as a whole: there is no event that it could cost',
    async (body) => {
      const answer = await transformer.post(processorPath, body);
      expect([answer.status, answer.headers['content-type']]).toEqual([400, json]);
      expect(answer.json).toEqual({ error: expect.any(String) });
    },
  );

  it('answers many requests at the same time, each its own', async () => {
    const bodies = Array.from({ length: 60 }, (_unused, request) =>
      Array.from({ length: (request % 7) + 1 }, (_none, index) => {
        const properties = { padding: String(request).repeat((request % 5) * 3_000 + 1), nested: { index } };
        return eventOf({ ...track, userId: `user-${request}`, properties }, request * 100 + index);
      }),
    );
    const answers = await Promise.all(bodies.map((body) => transformer.post(processorPath, body)));
    for (const [request, { json: entries }] of answers.entries()) {
      expect(entries).toMatchObject(
        (bodies[request] ?? []).map(({ metadata, message }) => {
          const { userId, properties } = message as {
            userId: string;
            properties: { padding: string; nested: { index: number } };
          };
          const written = {
            identity: userId,
            properties: { padding: properties.padding, 'nested.index': properties.nested.index },
          };
          return { metadata, output: { body: { JSON: written } } };
        }),
      );
    }
  });
});

describe.each(['/routerTransform', '/batch'])('POST %s', (path) => {
  const entriesOf = (answer: JsonAnswer): Json =>
    path === '/batch' ? answer.json : (answer.json as { readonly output: Json }).output;

  it('answers plain and compacted requests of every case, each with the version of the protocol', async () => {
    for (const { requests, expected } of rudderCases('router')) {
      for (const { text } of requests) {
        const answer = await transformer.post(path, text);
        expectVersioned(answer);
        expect(entriesOf(answer)).toEqual(expected);
      }
    }
  }, 60_000);

  it.each(['heap', 'HEAP', ' Heap '])('knows the destination by its type %j', async (destType) => {
    const answer = await transformer.post(path, { destType, input: [eventOf(track)] });
    expectVersioned(answer);
    expect(entriesOf(answer)).toMatchObject([{ statusCode: 200, batched: true, metadata: [metadataOf(1)] }]);
  });

  it.each<[Json]>([['am'], [''], [7], [null], [['heap']]])('answers 404 to the type %j', async (destType) => {
    const answer = await transformer.post(path, { destType, input: [] });
    expect([answer.status, answer.headers['content-type'], answer.headers.apiversion]).toEqual([404, json, undefined]);
    expect(answer.json).toEqual({ error: `Unknown destination: ${typeof destType === 'string' ? destType : ''}` });
  });

  it.each(['[]', '{}', 'null'])('answers 404 to %j, which names no type', async (body) => {
    expect((await transformer.post(path, body)).status).toBe(404);
  });

  it.each(['', 'nonsense', '{"destType":"heap"'])('refuses %j, which is no JSON', async (body) => {
    const answer = await transformer.post(path, body);
    expect([answer.status, answer.headers['content-type']]).toEqual([400, json]);
  });

  it('answers no events as the peer does', async () => {
    const answer = await transformer.post(path, { destType: 'heap', input: [] });
    expectVersioned(answer);
    expect(entriesOf(answer)).toEqual([
      { metadata: [{ destType: 'heap' }], batched: false, statusCode: 400, error: 'Invalid event array' },
    ]);
  });

  it('copies no secret of a header into the jobs', async () => {
    const answer = await transformer.post(
      path,
      { destType: 'heap', input: [eventOf(track)] },
      { 'Oauth-Secret': '{"a":"shh-2"}' },
    );
    expect(answer.text).not.toContain('shh-2');
  });
});

describe('bulk requests', () => {
  it('are within the limits of the configuration', async () => {
    const small = await runTransformer({ maxBatchItems: 2 });
    const input = [1, 2, 3].map((jobId) => eventOf(track, jobId));
    const { json: answer } = await small.post('/batch', { destType: 'heap', input });
    await small.stop();
    expect((answer as readonly JsonObject[]).map(({ metadata }) => metadata)).toEqual([
      [metadataOf(1), metadataOf(2)],
      [metadataOf(3)],
    ]);
  });
});
