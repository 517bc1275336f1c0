import { describe, expect, it } from '@jest/globals';
import type { Registry } from 'prom-client';

import type { PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { LaneSnapshot } from '../../../src/core/delivery/lane.js';
import { createMetrics } from '../../../src/core/metrics/metrics.js';
import { createPeerMetrics } from '../../../src/sources/rudderstack/peer-metrics.js';
import { parseExposition, readRows } from '../../support/documentation.js';
import { lane } from '../../support/operations.js';

const request: PlannedRequest<unknown> = {
  lane,
  kind: 'track',
  stage: 2,
  path: '/api/track',
  body: '{}',
  bytes: 1_500,
  items: [
    { text: '{}', bytes: 2, entries: [] },
    { text: '{}', bytes: 2, entries: [] },
  ],
};

function snapshot(fields: Partial<LaneSnapshot>): LaneSnapshot {
  return { appId: '11', region: 'us', state: 'idle', backlog: 0, oldestAgeMs: 0, lastError: undefined, ...fields };
}

function metricsOf(lanes: readonly LaneSnapshot[]): ReturnType<typeof createMetrics> {
  return createMetrics({ lanes: () => lanes, backlogBytes: () => 17 }, '1.2.3');
}

async function samplesOf(metrics: ReturnType<typeof createMetrics>): Promise<ReadonlyMap<string, number>> {
  return parseExposition(await metrics.registry.metrics()).samples;
}

describe('the metrics', () => {
  it('count events by type, those of other types together', async () => {
    const metrics = metricsOf([]);
    for (const type of ['track', 'track', 'identify', 'delete', '', '__proto__']) metrics.intake.onReceived(type);
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_events_received_total{type="track"}')).toBe(2);
    expect(samples.get('heap_destination_events_received_total{type="identify"}')).toBe(1);
    expect(samples.get('heap_destination_events_received_total{type="other"}')).toBe(3);
  });

  it('count outcomes with their reason, adjustments and operations', async () => {
    const metrics = metricsOf([]);
    metrics.intake.onOutcome('delivered', undefined);
    metrics.intake.onOutcome('rejected', 'heap_rejected');
    metrics.intake.onAdjustment('value_truncated');
    metrics.intake.onOperation('track');
    metrics.intake.onTransformed(0.004);
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_event_outcomes_total{outcome="delivered",reason=""}')).toBe(1);
    expect(samples.get('heap_destination_event_outcomes_total{outcome="rejected",reason="heap_rejected"}')).toBe(1);
    expect(samples.get('heap_destination_event_adjustments_total{reason="value_truncated"}')).toBe(1);
    expect(samples.get('heap_destination_operations_total{kind="track"}')).toBe(1);
    expect(samples.get('heap_destination_transform_duration_seconds_sum')).toBe(0.004);
  });

  it('count requests to Heap by kind and class of their answer, 429 apart', async () => {
    const metrics = metricsOf([]);
    for (const status of [200, 204, 302, 400, 429, 503]) {
      metrics.delivery.onReply(request, { type: 'answer', status, body: '' }, 0.2);
    }
    metrics.delivery.onReply(request, { type: 'noAnswer', cause: 'timeout', detail: 'late' }, 30);
    metrics.delivery.onReply(request, { type: 'noAnswer', cause: 'network', detail: 'reset' }, 0.1);
    const samples = await samplesOf(metrics);
    const byClass = ['2xx', '3xx', '4xx', '429', '5xx', 'timeout', 'network'].map((name) =>
      samples.get(`heap_destination_heap_requests_total{kind="track",status_class="${name}"}`),
    );
    expect(byClass).toEqual([2, 1, 1, 1, 1, 1, 1]);
    expect(samples.get('heap_destination_heap_request_items_sum{kind="track"}')).toBe(16);
    expect(samples.get('heap_destination_heap_request_size_bytes_sum{kind="track"}')).toBe(12_000);
    expect(samples.get('heap_destination_heap_request_duration_seconds_count{kind="track"}')).toBe(8);
  });

  it('count waits by cause, splits by kind, refusals by reason and answers to senders by route and status', async () => {
    const metrics = metricsOf([]);
    metrics.delivery.onWait(lane, { type: 'throttled', detail: 'HTTP 429' }, 1_000);
    metrics.delivery.onSplit(request);
    metrics.onRefused('backlog_full');
    metrics.onHttpRequest('/v1/batch', 503, 8);
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_delivery_waits_total{cause="throttled"}')).toBe(1);
    expect(samples.get('heap_destination_requests_refused_total{reason="backlog_full"}')).toBe(1);
    expect(samples.get('heap_destination_heap_request_splits_total{kind="track"}')).toBe(1);
    expect(samples.get('heap_destination_http_request_duration_seconds_count{route="/v1/batch",code="503"}')).toBe(1);
  });

  it('show the lanes as they are when they are asked', async () => {
    let lanes: readonly LaneSnapshot[] = [];
    const metrics = createMetrics({ lanes: () => lanes, backlogBytes: () => 17 }, '1.2.3');
    expect((await samplesOf(metrics)).get('heap_destination_backlog_operations')).toBe(0);
    lanes = [
      snapshot({ state: 'halted', backlog: 5, oldestAgeMs: 90_000 }),
      snapshot({ state: 'halted', backlog: 2, oldestAgeMs: 1_000 }),
      snapshot({}),
    ];
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_backlog_operations')).toBe(7);
    expect(samples.get('heap_destination_backlog_bytes')).toBe(17);
    expect(samples.get('heap_destination_build_info{version="1.2.3"}')).toBe(1);
    expect(samples.get('heap_destination_backlog_oldest_age_seconds')).toBe(90);
    expect(samples.get('heap_destination_lanes{state="halted"}')).toBe(2);
    expect(samples.get('heap_destination_lanes{state="idle"}')).toBe(1);
    expect(samples.get('heap_destination_lanes{state="waiting"}')).toBe(0);
  });

  it('are there from the start, so that the first loss is an increase', async () => {
    const samples = await samplesOf(metricsOf([]));
    expect(samples.get('heap_destination_event_outcomes_total{outcome="rejected",reason="expired"}')).toBe(0);
    expect(samples.get('heap_destination_requests_refused_total{reason="backlog_full"}')).toBe(0);
    expect(samples.get('heap_destination_delivery_waits_total{cause="halted"}')).toBe(0);
  });

  it('never have the id of an app, a user or an event as a label', async () => {
    const metrics = metricsOf([snapshot({ appId: '9000000101', backlog: 1 })]);
    metrics.delivery.onReply(
      { ...request, lane: { ...lane, appId: '9000000101' } },
      { type: 'answer', status: 200, body: '' },
      1,
    );
    expect(await metrics.registry.metrics()).not.toContain('9000000101');
  });

  it('have help and names by the conventions: counters end in _total, times are in seconds, sizes in bytes', async () => {
    const { families } = parseExposition(await metricsOf([]).registry.metrics());
    const own = [...families].filter(([name]) => name.startsWith('heap_destination_'));
    expect(own.length).toBeGreaterThan(10);
    for (const [name, { type, help }] of own) {
      expect(help).not.toBe('');
      expect([name, name.endsWith('_total')]).toEqual([name, type === 'counter']);
      expect(name).not.toMatch(/_(ms|milliseconds|kb|mb)(_|$)/);
      if (/duration|age/.test(name)) expect(name).toMatch(/_seconds$/);
      if (name.includes('size')) expect(name).toMatch(/_bytes$/);
    }
  });

  it('are, with those of the RudderStack transformer, what docs/metrics.md lists, by name, type and labels', async () => {
    const { registry } = metricsOf([]);
    createPeerMetrics(registry, 'localhost', 'heap', {
      concurrentRequests: () => 0,
      heapUsed: () => 0,
      heapLimit: () => 1,
    });
    const { families } = parseExposition(await registry.metrics());
    const registered = [...families]
      .filter(([name]) => documentedNames.test(name))
      .map(([name, { type }]) => [name, type, labelsOf(registry, name).join(', ')])
      .sort();
    const documented = readRows('docs/metrics.md', documentedNames).map((cells) => cells.slice(0, 3));
    expect(documented).toEqual(registered);
  });
});

const documentedNames = /^(heap_destination|transformer)_/;

/** The metric's labels, without the one that all of rudder-transformer's have. */
function labelsOf(registry: Registry, name: string): readonly string[] {
  // The metric itself knows them; prom-client's types say so of what makes it only.
  const { labelNames = [] } = (registry.getSingleMetric(name) ?? {}) as { readonly labelNames?: readonly string[] };
  return labelNames.filter((label) => label !== 'instanceName');
}
