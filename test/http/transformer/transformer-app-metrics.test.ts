import { afterEach, describe, expect, it } from '@jest/globals';

import { startSimulator } from '../../../src/destinations/heap/simulator/start-simulator.js';
import { parseExposition } from '../../support/documentation.js';
import { ask } from '../../support/http-client.js';
import { destinationOf, metadataOf } from '../../support/rudderstack.js';
import { runTransformer, sampleOf, type RunningTestTransformer } from '../../support/running-transformer.js';

let transformer: RunningTestTransformer | undefined;

afterEach(async () => {
  await transformer?.stop();
  transformer = undefined;
});

const path = '/v0/destinations/heap';
const origin = { sourceType: 'Javascript', destinationType: 'HEAP', namespace: 'ns' };
const track = { type: 'track', userId: 'ann', event: 'E' };
const destination = destinationOf();

function eventOf(message: unknown, jobId = 1, metadata = {}): object {
  return { message, metadata: metadataOf(jobId, { ...origin, ...metadata }), destination };
}

/** The families of the peer, and what each is. */
const families: readonly (readonly [string, string])[] = [
  ['transformer_http_request_duration', 'histogram'],
  ['transformer_http_request_size', 'histogram'],
  ['transformer_http_response_size', 'histogram'],
  ['transformer_dest_transform_input_events', 'histogram'],
  ['transformer_dest_transform_output_events', 'histogram'],
  ['transformer_event_transform_success', 'counter'],
  ['transformer_event_transform_failure', 'counter'],
  ['transformer_outgoing_request_latency', 'histogram'],
  ['transformer_outgoing_request_count', 'counter'],
  ['transformer_http_concurrent_requests', 'gauge'],
  ['transformer_memory_heap_used_percent', 'gauge'],
  ['transformer_memory_heap_size_limit', 'gauge'],
  ['transformer_memory_fenced_requests', 'counter'],
  ['transformer_regulation_worker_requests_dest_latency', 'histogram'],
  ['transformer_regulation_worker_user_deletion_failure', 'counter'],
];

const common = {
  destType: 'HEAP',
  module: 'destination',
  destinationId: 'dest-1',
  workspaceId: 'ws-1',
  implementation: 'cdkV2',
};

describe('GET /metrics on the operator port', () => {
  it('has the families of the peer and those of node, and nothing of them on the data port', async () => {
    transformer = await runTransformer();
    const answer = await ask(`${transformer.operatorUrl}/metrics`);
    expect([answer.status, answer.headers['content-type']]).toEqual([200, 'text/plain; version=0.0.4; charset=utf-8']);
    const exposition = parseExposition(answer.text);
    for (const [name, type] of families) expect([name, exposition.families.get(name)?.type]).toEqual([name, type]);
    expect([...exposition.families.keys()]).toEqual(
      expect.arrayContaining(['process_cpu_seconds_total', 'nodejs_eventloop_lag_seconds']),
    );
    expect((await transformer.get('/metrics')).status).toBe(404);
  });

  it.each([
    [undefined, 'localhost'],
    ['pod-7', 'pod-7'],
  ])('names the instance in every one of them (%j: %s)', async (instanceName, label) => {
    const simulator = await startSimulator();
    transformer = await runTransformer({
      ...(instanceName === undefined ? {} : { instanceName }),
      heapUrls: { us: simulator.url, eu: simulator.url },
      maxBodyBytesInFlight: 3_000,
    });
    const { post, samples } = transformer;
    await post(path, [eventOf(track), eventOf({})]);
    await post('/deleteUsers', [{ jobId: '1', destType: 'heap', config: {}, userAttributes: [] }]);
    const transformed = (await post(path, [eventOf(track)])).json as readonly { readonly output: object }[];
    await post('/v1/destinations/heap/proxy', {
      ...transformed[0]?.output,
      metadata: [metadataOf(1)],
      destinationConfig: {},
    });
    const all = await samples();
    await simulator.close();
    const own = [...all.keys()].filter((sample) => sample.startsWith('transformer_'));
    expect(own.filter((sample) => !sample.includes(`instanceName="${label}"`))).toEqual([]);
    expect(
      sampleOf(all, 'transformer_outgoing_request_count', { destType: 'HEAP', success: 'true', statusCode: 200 }),
    ).toBe(1);
    expect(
      sampleOf(all, 'transformer_outgoing_request_latency_count', {
        endpointPath: '/api/track',
        requestMethod: 'POST',
      }),
    ).toBe(1);
    expect(sampleOf(all, 'transformer_regulation_worker_requests_dest_latency_count', { destType: 'HEAP' })).toBe(1);
    expect(sampleOf(all, 'transformer_regulation_worker_user_deletion_failure', { destType: 'HEAP' })).toBe(1);
  });

  it('counts the events of both transforms, in what is read as bytes and in what is not', async () => {
    transformer = await runTransformer();
    const { post, samples } = transformer;
    const mixed = [
      eventOf(track),
      eventOf(track, 2, { destinationId: 'dest-2' }),
      eventOf({ type: 'page' }, 3),
      eventOf({ type: 'track' }, 4),
      { ...eventOf(track, 5), destination: undefined },
      eventOf({ ...track, properties: { nested: [{}] } }, 6),
    ];
    await post(path, mixed);
    await post('/routerTransform', { destType: 'heap', input: mixed });
    const all = await samples();
    for (const feature of ['processor', 'router']) {
      const labels = { ...common, feature };
      expect(sampleOf(all, 'transformer_event_transform_success', labels)).toBe(2);
      expect(sampleOf(all, 'transformer_event_transform_success', { ...labels, destinationId: 'dest-2' })).toBe(1);
      const failed = { ...labels, errorCategory: 'dataValidation' };
      expect(sampleOf(all, 'transformer_event_transform_failure', { ...failed, errorType: 'instrumentation' })).toBe(2);
      expect(sampleOf(all, 'transformer_event_transform_failure', { ...failed, errorType: 'configuration' })).toBe(1);
    }
  });

  it('counts the events of a request, and the entries of its answer', async () => {
    transformer = await runTransformer();
    const { post, samples } = transformer;
    const merging = destinationOf({ appId: '1', anonymousIdentity: 'hash' });
    const identify = { type: 'identify', userId: 'ann', anonymousId: 'v-1', traits: {} };
    const events = Array.from({ length: 15 }, (_unused, index) => ({
      ...eventOf(identify, index),
      destination: merging,
    }));
    await post(path, events);
    await post(path, [eventOf(track)]);
    const all = await samples();
    const labels = { destination: 'heap', sourceType: 'Javascript', destinationType: 'HEAP', k8_namespace: 'ns' };
    const read = (name: string, more = {}): number =>
      sampleOf(all, `transformer_dest_transform_${name}`, { ...labels, ...more });
    expect([read('input_events_count'), read('input_events_sum')]).toEqual([2, 16]);
    expect([read('output_events_count'), read('output_events_sum')]).toEqual([2, 31]);
    expect([read('input_events_bucket', { le: 10 }), read('input_events_bucket', { le: 20 })]).toEqual([1, 2]);
    expect(read('input_events_bucket', { le: 200 })).toBe(2);
  });

  it('counts requests by their route and never by what was asked for', async () => {
    transformer = await runTransformer();
    const { post, get, samples } = transformer;
    const sent = JSON.stringify([eventOf(track)]);
    const { text } = await post(path, sent);
    await post('/v0/destinations/HEAP', 'nonsense');
    await post('/secret/destinations/heap', sent);
    await post('/v0/destinations/secret', sent);
    await post('/secret-path', sent);
    await post('/batch', { destType: 'secret' });
    await get('/features');
    await get('/health?secret');
    const all = await samples();
    const count = (labels: Readonly<Record<string, string | number>>): number =>
      sampleOf(all, 'transformer_http_request_duration_count', labels);
    expect(count({ method: 'POST', route: path, code: 200, destType: 'HEAP' })).toBe(1);
    expect(count({ route: path, code: 400 })).toBe(1);
    expect(count({ route: '/:version/destinations/heap', code: 200 })).toBe(1);
    expect(count({ route: '/v0/destinations/:other', code: 404 })).toBe(1);
    expect(count({ route: 'other', code: 404 })).toBe(1);
    expect(count({ route: '/batch', code: 404 })).toBe(1);
    expect(count({ method: 'GET', route: '/features', code: 200 })).toBe(1);
    expect(count({ method: 'GET', route: '/health', code: 200 })).toBe(1);
    expect([...all.keys()].join()).not.toContain('secret');
    const labels = { method: 'POST', route: path, code: 200 };
    expect(sampleOf(all, 'transformer_http_request_size_count', labels)).toBe(1);
    expect(sampleOf(all, 'transformer_http_request_size_sum', labels)).toBe(Buffer.byteLength(sent));
    expect(sampleOf(all, 'transformer_http_response_size_sum', labels)).toBe(Buffer.byteLength(text));
  });

  it('keeps ids that are no text out of the labels', async () => {
    transformer = await runTransformer();
    await transformer.post(path, [
      eventOf(track, 1, { destinationId: { a: 'odd' }, sourceType: 7 }),
      eventOf({}, 2, { workspaceId: ['odd'] }),
    ]);
    const all = await transformer.samples();
    expect([...all.keys()].join()).not.toContain('odd');
    expect(sampleOf(all, 'transformer_event_transform_success', { destinationId: '', workspaceId: 'ws-1' })).toBe(1);
    expect(sampleOf(all, 'transformer_event_transform_failure', { workspaceId: '' })).toBe(1);
  });

  it('tells the share of the heap in percent and its limit in bytes', async () => {
    transformer = await runTransformer();
    const all = await transformer.samples();
    const percent = sampleOf(all, 'transformer_memory_heap_used_percent');
    expect(percent).toBeGreaterThan(0);
    expect(percent).toBeLessThan(100);
    expect(sampleOf(all, 'transformer_memory_heap_size_limit')).toBeGreaterThan(10_000_000);
    expect(sampleOf(all, 'transformer_http_concurrent_requests')).toBe(0);
  });
});
