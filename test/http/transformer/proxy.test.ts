import { readdirSync, readFileSync } from 'node:fs';
import type { ServerResponse } from 'node:http';
import { fileURLToPath } from 'node:url';

import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import type { Json, JsonObject } from '../../../src/core/json/json.js';
import type { Simulator } from '../../../src/destinations/heap/simulator/start-simulator.js';
import { ask } from '../../support/http-client.js';
import {
  appId,
  callOf,
  event,
  eventsAt,
  expectVersioned,
  job,
  jobs,
  startHeap,
  startHeapStub,
  startTestTransformer,
  statusesOf,
  type HeapStub,
  type Received,
  type TestTransformer,
} from '../../support/proxy.js';

/** One answer of Heap, and what the proxy makes of it for a job with this metadata. */
interface AnswerCase {
  readonly description: string;
  readonly metadata: JsonObject;
  readonly heap: { readonly status: number; readonly headers: Readonly<Record<string, string>>; readonly body: string };
  readonly v0: { readonly httpStatus: number; readonly body: JsonObject };
  readonly v1: { readonly httpStatus: number; readonly body: JsonObject };
}

const folder = fileURLToPath(new URL('../../__fixtures__/rudderstack/proxy/', import.meta.url));
const cases = readdirSync(folder).map((file) => JSON.parse(readFileSync(`${folder}${file}`, 'utf8')) as AnswerCase);

/** What Node's server adds to an answer by itself. */
const framing = ['connection', 'keep-alive', 'content-length', 'transfer-encoding', 'date'];
describe('the delivery proxy in front of a Heap that answers anything', () => {
  let heap: HeapStub;
  let transformer: TestTransformer;
  let respond: (response: ServerResponse, received: Received) => void;
  let track: string;

  beforeAll(async () => {
    heap = await startHeapStub((response, received) => {
      respond(response, received);
    });
    transformer = await startTestTransformer(heap.url);
    track = `${heap.url}/api/track`;
  });

  afterAll(async () => {
    await transformer.close();
    await heap.close();
  });

  beforeEach(() => {
    respond = (response) => response.end('{}');
  });

  function lastReceived(): Received | undefined {
    return heap.received.at(-1);
  }

  describe('answers', () => {
    for (const { description, metadata, heap: reply, v0, v1 } of cases) {
      const answerLikeThat = (): void => {
        respond = (response) => response.writeHead(reply.status, reply.headers).end(reply.body);
      };

      it(`v0: ${description}`, async () => {
        answerLikeThat();
        const answer = await transformer.proxy('v0', callOf(track, event, { metadata }));
        expectVersioned(answer, v0.httpStatus);
        const { output } = answer;
        const headers = Object.entries(output.destinationResponse?.headers ?? {});
        const plain = Object.fromEntries(headers.filter(([name]) => !framing.includes(name)));
        expect({
          output: { ...output, destinationResponse: { ...output.destinationResponse, headers: plain } },
        }).toEqual(v0.body);
      });

      it(`v1: ${description}`, async () => {
        answerLikeThat();
        const answer = await transformer.proxy('v1', callOf(track, event, { metadata: [metadata] }));
        expectVersioned(answer, v1.httpStatus);
        expect(JSON.parse(answer.text)).toEqual(v1.body);
      });
    }

    it.each(['false', '0', '-0', '""', ''])('replace a falsy body %j by an empty text', async (body) => {
      respond = (response) => response.end(body);
      const v0 = await transformer.proxy('v0', callOf(track, event, { metadata: job(1) }));
      expect(v0.output.destinationResponse?.response).toBe('');
      const v1 = await transformer.proxy('v1', callOf(track, event));
      expect(v1.output.response?.[0]?.error).toBe('""');
    });

    it.each([200, 201, 202, 206, 299])('make a 200 of a %d', async (status) => {
      respond = (response) => response.writeHead(status).end('{}');
      const v0 = await transformer.proxy('v0', callOf(track, event, { metadata: job(1) }));
      expectVersioned(v0, 200);
      expect(v0.output.status).toBe(200);
      expect(statusesOf(await transformer.proxy('v1', callOf(track, event)))).toEqual([200]);
    });

    it.each([301, 303, 307, 308])('follow no redirect: %d', async (status) => {
      const before = heap.received.length;
      respond = (response) => response.writeHead(status, { location: `${heap.url}/elsewhere` }).end();
      const v0 = await transformer.proxy('v0', callOf(track, event, { metadata: job(1) }));
      expectVersioned(v0, 400);
      expect(v0.output.status).toBe(status);
      expect(v0.output.destinationResponse?.status).toBe(status);
      expect(statusesOf(await transformer.proxy('v1', callOf(track, event)))).toEqual([status]);
      expect(heap.received.slice(before).map(({ url }) => url)).toEqual(['/api/track', '/api/track']);
    });

    it('have an entry for each job, in their order, each with its metadata untouched', async () => {
      const metadata: readonly Json[] = [
        job(9, { destInfo: { nested: [1, { deep: null }] }, 'unknown key': 'ü😀', 7: 'integer key' }),
        job(3, { secret: { token: 't' } }),
        JSON.parse('{"jobId":5,"__proto__":{"polluted":true},"constructor":1}') as Json,
        {},
      ];
      const events = metadata.map((_unused, index) => ({ ...event, identity: `user-${index}`, app_id: undefined }));
      const body = callOf(track, { app_id: appId, events: JSON.parse(JSON.stringify(events)) as Json }, { metadata });
      const { output } = await transformer.proxy('v1', body);
      expect(output.response?.map((entry) => JSON.stringify(entry.metadata))).toEqual(
        metadata.map((one) => JSON.stringify(one)),
      );
      expect(output.response?.map(({ statusCode, error }) => [statusCode, error])).toEqual(
        metadata.map(() => [200, '{}']),
      );
    });

    it('speak of the first job of several in their tags', async () => {
      respond = (response) => response.writeHead(503).end();
      const metadata = [job(1, { destinationId: 'd-7', workspaceId: 'w-7' }), job(2, { destinationId: 'd-8' })];
      const { output } = await transformer.proxy('v1', callOf(track, event, { metadata }));
      expect(output.statTags).toMatchObject({ destinationId: 'd-7', workspaceId: 'w-7' });
    });

    it('keep the first 10,000 characters of a long answer', async () => {
      respond = (response) => response.writeHead(400).end('x'.repeat(50_000));
      const { output } = await transformer.proxy('v1', callOf(track, event));
      expect(output.response?.[0]).toMatchObject({ statusCode: 400, error: JSON.stringify('x'.repeat(10_000)) });
    });

    it('bear an answer that is nested as deep as can be', async () => {
      const depth = 4_900;
      respond = (response) => response.writeHead(400).end('['.repeat(depth) + ']'.repeat(depth));
      expect(statusesOf(await transformer.proxy('v1', callOf(track, event)))).toEqual([400]);
      const v0 = await transformer.proxy('v0', callOf(track, event, { metadata: job(1) }));
      expectVersioned(v0, 400);
    });

    it('bear metadata that is nested as deep as rudder-server reads', async () => {
      const text = `{"jobId":4,"destInfo":${'['.repeat(9_900)}${']'.repeat(9_900)}}`;
      const body = JSON.stringify(callOf(track, event, { metadata: [job(1), '§'] })).replace('"§"', text);
      const { output } = await transformer.proxy('v1', body);
      expect(output.response?.map(({ statusCode }) => statusCode)).toEqual([200, 200]);
      expect(output.response?.[1]?.metadata).toMatchObject({ jobId: 4 });
    });
  });

  describe('sends a request', () => {
    it('with the method, the path, the JSON, the headers and the sender of the call', async () => {
      const json = JSON.parse(
        '{"b":1,"a":{"nested":[null,"ü",1.5,false]},"__proto__":{"x":1},"events":"no list","app_id":"7","":""}',
      ) as Json;
      const headers = { 'Content-Type': 'application/json', Accept: 'text/x-any', 'X-Custom': 'kept, as it is' };
      await transformer.proxy('v1', callOf(track, json, { headers }));
      expect(lastReceived()).toMatchObject({
        method: 'POST',
        url: '/api/track',
        body: JSON.stringify(json),
        headers: {
          host: new URL(heap.url).host,
          accept: 'text/x-any',
          'content-type': 'application/json',
          'x-custom': 'kept, as it is',
          'user-agent': 'RudderLabs',
        },
      });
    });

    it('as RudderLabs whatever the call says, and as JSON where it says nothing', async () => {
      await transformer.proxy('v1', callOf(track, event, { headers: { 'user-AGENT': 'somebody else' } }));
      expect(lastReceived()?.headers).toMatchObject({
        'user-agent': 'RudderLabs',
        'content-type': 'application/json',
        accept: 'application/json',
      });
      await transformer.proxy('v1', callOf(track, event, { headers: null }));
      expect(lastReceived()?.headers).toMatchObject({
        'user-agent': 'RudderLabs',
        'content-type': 'application/json',
      });
    });

    it('with the params of the call in its query', async () => {
      const params = { plain: 'a b&c=d', number: 5, flag: true, list: [1, 'ü'] };
      await transformer.proxy('v1', callOf(`${track}?here=1`, event, { params }));
      const url = new URL(lastReceived()?.url ?? '', heap.url);
      expect(url.pathname).toBe('/api/track');
      expect([...url.searchParams]).toEqual([
        ['here', '1'],
        ['plain', 'a b&c=d'],
        ['number', '5'],
        ['flag', 'true'],
        ['list', '[1,"ü"]'],
      ]);
    });

    it('without the headers of the call that frame a request, and without those that are none', async () => {
      const headers = {
        'Content-Length': '3',
        'Transfer-Encoding': 'chunked',
        Host: 'evil.example',
        Connection: 'upgrade',
        Upgrade: 'h2c',
        Expect: '100-continue',
        TE: 'trailers',
        Trailer: 'x',
        'Keep-Alive': 'timeout=1',
        'Content-Encoding': 'gzip',
        'bad name': '1',
        'bad\r\nname': '1',
        'X-Bad': 'a\r\nX-Injected: 1',
        'X-Null': null,
        'X-Number': 5,
        'X-Good': 'good',
      };
      const { output } = await transformer.proxy('v1', callOf(track, event, { headers }));
      expect(output.status).toBe(200);
      const { headers: sent = {}, body } = lastReceived() ?? {};
      expect(body).toBe(JSON.stringify(event));
      expect(sent).toMatchObject({ 'x-good': 'good', host: new URL(heap.url).host });
      expect(sent['content-length'] ?? body?.length.toString()).toBe(String(Buffer.byteLength(body ?? '')));
      for (const name of ['upgrade', 'expect', 'trailer', 'content-encoding', 'x-injected', 'x-null', 'x-number']) {
        expect(sent).not.toHaveProperty(name);
      }
    });

    it.each(['X-Jobs-Per-Item', 'x-jobs-per-item', 'X-JOBS-PER-ITEM'])('without %s', async (name) => {
      await transformer.proxy('v1', callOf(track, event, { headers: { [name]: '1', 'X-Other': '1' } }));
      expect(lastReceived()?.headers).toHaveProperty('x-other');
      expect(lastReceived()?.headers).not.toHaveProperty('x-jobs-per-item');
    });

    it('without needing what the server may leave away', async () => {
      const { endpoint, method, body, metadata } = callOf(track, event) as Required<JsonObject>;
      const { output } = await transformer.proxy('v1', { endpoint, method, body, metadata });
      expect(output.status).toBe(200);
      expect(lastReceived()?.body).toBe(JSON.stringify(event));
    });

    it('once per call, also when it is refused', async () => {
      const before = heap.received.length;
      respond = (response) => response.writeHead(400).end('no');
      await transformer.proxy('v1', callOf(track, event));
      respond = (response) => response.writeHead(503).end('no');
      await transformer.proxy('v1', callOf(track, event));
      expect(heap.received.length - before).toBe(2);
    });
  });

  it('says which item was to blame, job by job, and asks for those alone that it cannot say it of', async () => {
    respond = (response, { body }) => {
      if (body.includes('poison')) response.writeHead(400).end('poison is no user');
      else response.end('{}');
    };
    const users = ['poison', 'ann', 'bob'].map((identity) => ({ identity, properties: { a: 1 } }));
    const call = callOf(
      `${heap.url}/api/add_user_properties`,
      { app_id: appId, users },
      { metadata: jobs(4), headers: { 'X-Jobs-Per-Item': '2,1,1' } },
    );
    const { output } = await transformer.proxy('v1', call);
    expect(output.response?.map(({ statusCode, metadata }) => [statusCode, metadata])).toEqual([
      [500, job(1, { dontBatch: true })],
      [500, job(2, { dontBatch: true })],
      [200, job(3)],
      [200, job(4)],
    ]);
    const bulk = { app_id: appId, events: [event, { ...event, event: 'poison' }] };
    const { output: blamed } = await transformer.proxy('v1', callOf(track, bulk, { metadata: jobs(2) }));
    expect(blamed.response?.map(({ statusCode, error, metadata }) => [statusCode, error, metadata])).toEqual([
      [200, '{}', job(1)],
      [400, '"poison is no user"', job(2)],
    ]);
  });
});

describe('the delivery proxy in front of Heap', () => {
  let heap: Simulator;
  let transformer: TestTransformer;

  beforeAll(async () => {
    heap = await startHeap();
    transformer = await startTestTransformer(heap.url);
  });

  afterAll(async () => {
    await transformer.close();
    await heap.close();
  });

  beforeEach(() => {
    heap.heap.reset();
  });

  it.each(['/v0/destinations/heap/proxy', '/v1/destinations/HEAP/proxy', '/v1/destinations/%20Heap%20/proxy'])(
    'is found at %s',
    async (path) => {
      const body = JSON.stringify(callOf(`${heap.url}/api/track`, event));
      const { status, headers } = await ask(`${transformer.dataUrl}${path}`, { method: 'POST', body });
      expect([status, headers.apiversion]).toEqual([200, '2']);
      expect(eventsAt(heap)).toEqual(['Signed Up']);
    },
  );

  it('knows no other destination', async () => {
    const { status, headers, text } = await ask(`${transformer.dataUrl}/v1/destinations/am/proxy`, { method: 'POST' });
    expect([status, JSON.parse(text)]).toEqual([404, { error: 'Unknown destination: am' }]);
    expect(headers).not.toHaveProperty('apiversion');
  });

  it('delivers what the router transform made of several events, and knows whose each item is', async () => {
    const input = [
      { message: { type: 'identify', userId: 'ann', traits: { plan: 'gold' } }, metadata: job(1) },
      { message: { type: 'identify', userId: 'bob', traits: { plan: 'iron' } }, metadata: job(2) },
      { message: { type: 'identify', userId: 'ann', traits: { city: 'Rome' } }, metadata: job(3) },
    ].map((entry) => ({ ...entry, destination: { ID: 'd-1', Config: { appId } } }));
    const transformed = await ask(`${transformer.dataUrl}/routerTransform`, {
      method: 'POST',
      body: JSON.stringify({ destType: 'heap', input }),
    });
    const { output } = JSON.parse(transformed.text) as {
      readonly output: readonly { readonly batchedRequest: JsonObject; readonly metadata: readonly JsonObject[] }[];
    };
    expect(output).toHaveLength(1);
    const [{ batchedRequest, metadata } = { batchedRequest: {}, metadata: [] }] = output;
    expect(metadata.map(({ jobId }) => jobId)).toEqual([1, 3, 2]);
    expect(batchedRequest.headers).toMatchObject({ 'X-Jobs-Per-Item': '2,1' });

    const delivered = await transformer.proxy('v1', { ...batchedRequest, metadata });
    expect(statusesOf(delivered)).toEqual([200, 200, 200]);
    expect([...(heap.heap.findApp(appId)?.users.keys() ?? [])]).toEqual(['ann', 'bob']);

    // A bulk of users is refused; each user by themselves is not, but for the first that comes.
    heap.heap.faults.add({ match: { times: 2 }, action: { status: 400, body: 'no' } });
    heap.heap.faults.add({ match: { times: 1, after: 0 }, action: { status: 400, body: 'not her' } });
    const divided = await transformer.proxy('v1', { ...batchedRequest, metadata });
    expect(divided.output.response?.map(({ statusCode, metadata: one }) => [statusCode, one])).toEqual([
      [500, job(1, { dontBatch: true })],
      [500, job(3, { dontBatch: true })],
      [400, job(2)],
    ]);
  });
});
