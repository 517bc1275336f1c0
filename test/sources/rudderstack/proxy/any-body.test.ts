import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { isJsonObject, type Json } from '../../../../src/core/json/json.js';
import type { Simulator } from '../../../../src/destinations/heap/simulator/start-simulator.js';
import {
  appId,
  callOf,
  event,
  expectVersioned,
  jobs,
  startHeap,
  startTestTransformer,
  statusesOf,
  type TestTransformer,
} from '../../../support/proxy.js';

describe('the delivery proxy', () => {
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
  const anything = fc.jsonValue({ depthSize: 'small' });
  const endpoint = fc.constantFrom('/api/track', '/api/add_user_properties', '/api/v1/identify', '/nowhere', '');
  const payload = fc.oneof(
    anything,
    fc.record(
      {
        app_id: fc.oneof(fc.constant(appId), anything),
        identity: fc.oneof(fc.constant('ann'), anything),
        event: fc.oneof(fc.constant('Signed Up'), anything),
        events: fc.oneof(fc.array(anything, { maxLength: 3 }), anything),
        users: fc.oneof(fc.array(anything, { maxLength: 3 }), anything),
        properties: anything,
      },
      { requiredKeys: [] },
    ),
  );
  /** Nearly a call; each part may be missing or anything. */
  const nearly = fc.record(
    {
      endpoint: fc.oneof({ arbitrary: endpoint, weight: 4 }, anything),
      method: fc.oneof({ arbitrary: fc.constantFrom('POST', 'post', 'GET', ''), weight: 4 }, anything),
      headers: fc.oneof(fc.dictionary(fc.string({ maxLength: 6 }), fc.oneof(fc.string(), anything)), anything),
      params: fc.oneof(fc.dictionary(fc.string({ maxLength: 6 }), anything), anything),
      body: fc.oneof({ arbitrary: fc.record({ JSON: payload, FORM: anything }), weight: 4 }, anything),
      metadata: fc.oneof(fc.array(anything, { maxLength: 4 }), anything),
    },
    { requiredKeys: ['endpoint', 'method', 'body'] },
  );
  const call = fc.oneof({ arbitrary: nearly, weight: 5 }, anything);

  /** The body with its path at Heap, where it has one, and what the proxy has to take for its jobs. */
  function toSend(sent: unknown): { readonly text: string; readonly metadata: readonly Json[] } {
    const body = JSON.parse(JSON.stringify(sent)) as Json;
    const members = isJsonObject(body) ? body : {};
    const path = typeof members.endpoint === 'string' ? members.endpoint : '?';
    const isPath = /^(\/|$)/.test(path);
    const text = JSON.stringify(isPath ? { ...members, endpoint: `${heap.url}${path}` } : body);
    const { metadata } = members;
    if (metadata === undefined || metadata === null) return { text, metadata: [] };
    return { text, metadata: Array.isArray(metadata) ? (metadata as readonly Json[]) : [metadata] };
  }

  it('answers whatever it is sent in the shape of v1, with an entry for each metadata', async () => {
    await fc.assert(
      fc.asyncProperty(call, async (sent) => {
        const { text, metadata } = toSend(sent);
        const answer = await transformer.proxy('v1', text);
        expectVersioned(answer, 200);
        const { output } = answer;
        expect(typeof output.status).toBe('number');
        expect(typeof output.message).toBe('string');
        expect(output.statTags === undefined).toBe(output.status === 200);
        expect(output.response).toHaveLength(metadata.length);
        for (const [index, { statusCode, error, metadata: echoed }] of (output.response ?? []).entries()) {
          expect(Number.isInteger(statusCode)).toBe(true);
          expect(() => JSON.parse(error) as unknown).not.toThrow();
          const asSent = metadata[index] ?? null;
          const asked = isJsonObject(asSent) ? { ...asSent, dontBatch: true } : asSent;
          expect(JSON.stringify(statusCode === 500 ? [asSent, asked] : [asSent])).toContain(JSON.stringify(echoed));
        }
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it('answers whatever it is sent in the shape of v0', async () => {
    await fc.assert(
      fc.asyncProperty(call, async (sent) => {
        const answer = await transformer.proxy('v0', toSend(sent).text);
        expect(answer.headers).toMatchObject({ apiversion: '2' });
        expect(answer.status).toBeGreaterThanOrEqual(200);
        const { status, message, destinationResponse, statTags } = answer.output;
        expect([typeof status, typeof message]).toEqual(['number', 'string']);
        expect(statTags === undefined).toBe(status === 200);
        expect(Object.keys(destinationResponse ?? {}).sort()).toEqual(['headers', 'response', 'status']);
        expect(destinationResponse?.status).toBe(status);
      }),
      { numRuns: 300 },
    );
  }, 60_000);

  it.each([
    ['no JSON', 'nonsense'],
    ['nothing', ''],
    ['a number', '5'],
    ['a list', '[1]'],
    ['an empty object', '{}'],
  ])('gives up a call whose body is %s', async (_name, body) => {
    const v1 = await transformer.proxy('v1', body);
    expectVersioned(v1, 200);
    expect(v1.output).toMatchObject({ status: 400, response: [], statTags: { errorType: 'aborted' } });
    const v0 = await transformer.proxy('v0', body);
    expectVersioned(v0, 400);
  });

  it('answers in its usual shape for a request that is nested as deep as rudder-server reads', async () => {
    const deep = `${'['.repeat(9_900)}${']'.repeat(9_900)}`;
    for (const member of ['properties', 'events']) {
      const json = { ...event, [member]: '§' };
      const text = JSON.stringify(callOf(`${heap.url}/api/track`, json, { metadata: jobs(2) })).replace('"§"', deep);
      const answer = await transformer.proxy('v1', text);
      expectVersioned(answer, 200);
      expect(statusesOf(answer)).toHaveLength(2);
    }
  });
});
