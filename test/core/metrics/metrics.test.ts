import { readdirSync, readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';
import type { Registry } from 'prom-client';
import { parse } from 'yaml';

import type { PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { DeliverySnapshot, LaneSnapshot } from '../../../src/core/delivery/lane-snapshot.js';
import { createMetrics, type Metrics } from '../../../src/core/metrics/metrics.js';
import { addStoreMetrics, type StoreState } from '../../../src/core/metrics/store-metrics.js';
import { createPeerMetrics } from '../../../src/sources/rudderstack/peer-metrics.js';
import { parseExposition, readRows, repositoryRoot } from '../../support/documentation.js';
import { lane } from '../../support/operations.js';
import { hostSnapshot, laneSnapshot } from '../../support/snapshots.js';

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

function metricsOf(lanes: readonly LaneSnapshot[], hosts: DeliverySnapshot['hosts'] = []): Metrics {
  return createMetrics({ version: '1.2.3', kinds: ['track', 'identify'], delivery: () => ({ lanes, hosts }) });
}

/** With those of a store. */
function allMetricsOf(): Metrics {
  const metrics = metricsOf([]);
  addStoreMetrics(() => storeState, metrics.registry);
  return metrics;
}

const storeState: StoreState = {
  events: 3,
  bytes: 600,
  oldestAgeSeconds: 12,
  lanes: 2,
  letters: 4,
  letterBytes: 800,
};

async function samplesOf(metrics: Metrics): Promise<ReadonlyMap<string, number>> {
  return parseExposition(await metrics.registry.metrics()).samples;
}

describe('the metrics of a store', () => {
  it('are what the store says when it is asked, and what was told since', async () => {
    const metrics = metricsOf([]);
    const { observer, onLettersRemoved } = addStoreMetrics(() => storeState, metrics.registry);
    observer.onStored(5, 0.002);
    observer.onRepeats(2);
    observer.onClaimed('us:1', 7);
    observer.onReleased('us:1', 'lost');
    observer.onStoreTrouble('us:1', new Error());
    observer.onLaneStopped('us:1', new Error());
    onLettersRemoved(9);
    const samples = await samplesOf(metrics);
    const own = [
      ['stored_events', 3],
      ['stored_bytes', 600],
      ['stored_oldest_age_seconds', 12],
      ['lanes_owned', 2],
      ['dead_letters', 4],
      ['dead_letter_bytes', 800],
      ['events_stored_total', 5],
      ['event_repeats_total', 2],
      ['store_append_duration_seconds_count', 1],
      ['lane_transfers_total{cause="claimed"}', 1],
      ['lane_transfers_total{cause="released"}', 0],
      ['lane_transfers_total{cause="lost"}', 1],
      ['store_errors_total', 1],
      ['lanes_stopped_total', 1],
      ['dead_letters_removed_total', 9],
    ] as const;
    for (const [name, value] of own) expect([name, samples.get(`heap_destination_${name}`)]).toEqual([name, value]);
  });
});

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

  it('count splits by kind, refusals by reason and answers to senders by route and status', async () => {
    const metrics = metricsOf([]);
    metrics.delivery.onSplit(request);
    metrics.onRefused('backlog_full');
    metrics.onHttpRequest('/v1/batch', 503, 8);
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_requests_refused_total{reason="backlog_full"}')).toBe(1);
    expect(samples.get('heap_destination_heap_request_splits_total{kind="track"}')).toBe(1);
    expect(samples.get('heap_destination_http_request_duration_seconds_count{route="/v1/batch",code="503"}')).toBe(1);
  });

  it('count waits and their seconds by cause; a wait without an end has no seconds', async () => {
    const metrics = metricsOf([]);
    metrics.delivery.onWait(lane, 'throttled', 1_500, 'HTTP 429');
    metrics.delivery.onWait(lane, 'throttled', 500, 'HTTP 429');
    metrics.delivery.onWait(lane, 'identity_limit', Infinity, '');
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_delivery_waits_total{cause="throttled"}')).toBe(2);
    expect(samples.get('heap_destination_delivery_wait_seconds_total{cause="throttled"}')).toBe(2);
    expect(samples.get('heap_destination_delivery_waits_total{cause="identity_limit"}')).toBe(1);
    expect(samples.get('heap_destination_delivery_wait_seconds_total{cause="identity_limit"}')).toBe(0);
  });

  it('count what lanes and breakers go through, retries, searches and faults', async () => {
    const { delivery, registry } = metricsOf([]);
    delivery.onTransition(lane, 'flowing', 'paused');
    delivery.onPaused(lane, { signature: 'HTTP # bad', rejected: 60, decided: 100 });
    delivery.onLaneBreaker(lane, 'open', 'halfOpen');
    delivery.onHostBreaker('heap.test', 'closed', 'open');
    delivery.onRetry(request);
    delivery.onSearched(lane, 'track', 12, 2);
    delivery.onSearched(lane, 'track', 3, 1);
    delivery.onFault(new Error('a fault'));
    const { samples } = parseExposition(await registry.metrics());
    const value = (name: string): number | undefined => samples.get(`heap_destination_${name}`);
    expect(value('lane_transitions_total{from="flowing",to="paused"}')).toBe(1);
    expect(value('lanes_paused_total')).toBe(1);
    expect(value('breaker_transitions_total{scope="lane",state="half_open"}')).toBe(1);
    expect(value('breaker_transitions_total{scope="host",state="open"}')).toBe(1);
    expect(value('heap_request_retries_total{kind="track"}')).toBe(1);
    expect(value('culprit_searches_total{kind="track"}')).toBe(2);
    expect(value('culprits_total{kind="track"}')).toBe(3);
    expect(value('culprit_search_requests_sum')).toBe(15);
    expect(value('culprit_search_requests_bucket{le="4"}')).toBe(1);
    expect(value('delivery_faults_total')).toBe(1);
  });

  it('show how long operations took to arrive, by kind', async () => {
    const metrics = metricsOf([]);
    for (const seconds of [0.3, 7_200, 8 * 86_400]) metrics.delivery.onDelivered('track', seconds);
    const samples = await samplesOf(metrics);
    const name = 'heap_destination_time_to_delivery_seconds';
    const counts = ['0.05', '0.5', '3600', '21600', '604800', '+Inf'].map((le) =>
      samples.get(`${name}_bucket{le="${le}",kind="track"}`),
    );
    expect(counts).toEqual([0, 1, 1, 2, 2, 3]);
    expect(samples.get(`${name}_count{kind="identify"}`)).toBe(0);
  });

  it('show the lanes as they are when they are asked', async () => {
    let lanes: readonly LaneSnapshot[] = [];
    const metrics = createMetrics({ version: '1.2.3', kinds: [], delivery: () => ({ lanes, hosts: [] }) });
    expect((await samplesOf(metrics)).get('heap_destination_backlog_operations')).toBe(0);
    lanes = [
      laneSnapshot({ state: 'halted', backlog: 5, backlogBytes: 500, oldestAgeMs: 90_000 }),
      laneSnapshot({ state: 'halted', backlog: 2, backlogBytes: 70, oldestAgeMs: 1_000 }),
      laneSnapshot({}),
    ];
    const samples = await samplesOf(metrics);
    expect(samples.get('heap_destination_backlog_operations')).toBe(7);
    expect(samples.get('heap_destination_backlog_bytes')).toBe(570);
    expect(samples.get('heap_destination_build_info{version="1.2.3"}')).toBe(1);
    expect(samples.get('heap_destination_backlog_oldest_age_seconds')).toBe(90);
    expect(samples.get('heap_destination_lanes{state="halted"}')).toBe(2);
    expect(samples.get('heap_destination_lanes{state="idle"}')).toBe(1);
    for (const state of ['waiting', 'paused', 'open', 'limited', 'queued']) {
      expect(samples.get(`heap_destination_lanes{state="${state}"}`)).toBe(0);
    }
    lanes = [];
    expect((await samplesOf(metrics)).get('heap_destination_lanes{state="halted"}')).toBe(0);
  });

  it('show the hosts as they are when they are asked', async () => {
    const samples = await samplesOf(
      metricsOf(
        [],
        [
          hostSnapshot({ concurrency: 24, inFlight: 7, slow: 3, retryTokens: 11, latencyMs: 250 }),
          hostSnapshot({ host: 'eu.heap.test', breaker: 'halfOpen' }),
        ],
      ),
    );
    const value = (name: string): number | undefined => samples.get(`heap_destination_host_${name}`);
    expect(value('concurrency_limit{host="heap.test"}')).toBe(24);
    expect(value('requests_in_flight{host="heap.test",slots="regular"}')).toBe(7);
    expect(value('requests_in_flight{host="heap.test",slots="slow"}')).toBe(3);
    expect(value('retry_tokens{host="heap.test"}')).toBe(11);
    expect(value('latency_seconds{host="heap.test"}')).toBe(0.25);
    expect(value('breaker_open{host="heap.test"}')).toBe(0);
    expect(value('breaker_open{host="eu.heap.test"}')).toBe(1);
  });

  it('look at the lanes once per scrape, however many of them there are gauges of', async () => {
    let looks = 0;
    const delivery = (): DeliverySnapshot => {
      looks += 1;
      return { lanes: [laneSnapshot({ backlog: looks })], hosts: [hostSnapshot()] };
    };
    const metrics = createMetrics({ version: '1.2.3', kinds: [], delivery });
    await samplesOf(metrics);
    expect(looks).toBe(1);
    expect((await samplesOf(metrics)).get('heap_destination_backlog_operations')).toBe(2);
    expect(looks).toBe(2);
  });

  it('are there from the start, so that the first loss is an increase', async () => {
    const samples = await samplesOf(metricsOf([]));
    for (const sample of [
      'event_outcomes_total{outcome="rejected",reason="expired"}',
      'event_outcomes_total{outcome="rejected",reason="attempts_exhausted"}',
      'requests_refused_total{reason="backlog_full"}',
      'operations_total{kind="identify"}',
      'heap_requests_total{kind="track",status_class="429"}',
      'heap_request_duration_seconds_count{kind="track"}',
      'heap_request_splits_total{kind="track"}',
      'heap_request_retries_total{kind="track"}',
      'delivery_waits_total{cause="halted"}',
      'delivery_waits_total{cause="identity_limit"}',
      'delivery_wait_seconds_total{cause="lane_limit"}',
      'lane_transitions_total{from="halted",to="flowing"}',
      'lanes_paused_total',
      'breaker_transitions_total{scope="host",state="open"}',
      'culprit_searches_total{kind="track"}',
      'culprits_total{kind="track"}',
      'time_to_delivery_seconds_count{kind="track"}',
    ]) {
      expect([sample, samples.get(`heap_destination_${sample}`)]).toEqual([sample, 0]);
    }
    // Nothing leads from a pause but a person.
    expect(samples.get('heap_destination_lane_transitions_total{from="paused",to="waiting"}')).toBeUndefined();
  });

  it('never have the id of an app, a user or an event as a label', async () => {
    const metrics = metricsOf([laneSnapshot({ appId: '9000000101', backlog: 1 })]);
    const named = { ...lane, appId: '9000000101' };
    metrics.delivery.onReply({ ...request, lane: named }, { type: 'answer', status: 200, body: '' }, 1);
    metrics.delivery.onWait(named, 'halted', 1, 'HTTP 401 9000000101');
    metrics.delivery.onTransition(named, 'flowing', 'halted');
    metrics.delivery.onLaneBreaker(named, 'closed', 'open');
    metrics.delivery.onSearched(named, 'track', 3, 1);
    expect(await metrics.registry.metrics()).not.toContain('9000000101');
  });

  it('have help and names by the conventions: counters end in _total, times are in seconds, sizes in bytes', async () => {
    const { families } = parseExposition(await allMetricsOf().registry.metrics());
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
    const { registry } = allMetricsOf();
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

describe('the documents', () => {
  const folder = `${repositoryRoot}docs/`;
  const documents = readdirSync(folder).filter((name) => name.endsWith('.md'));

  it('name no metric that is not there', async () => {
    const { families } = parseExposition(await allMetricsOf().registry.metrics());
    const schema = readFileSync(`${repositoryRoot}src/core/store/postgres/migrations.ts`, 'utf8');
    for (const document of documents) {
      const text = readFileSync(`${folder}${document}`, 'utf8');
      for (const [name] of text.matchAll(/heap_destination_[a-z_]*[a-z]/g)) {
        // PostgreSQL's tables have the same prefix.
        if (schema.includes(`create table ${name} `)) continue;
        const family = name.replace(/_(bucket|sum|count)$/, '');
        expect([document, name, families.has(name) || families.has(family)]).toEqual([document, name, true]);
      }
    }
  });

  it('have alerts that Prometheus could read: each with a name of its own, an expression and a severity', () => {
    const text = readFileSync(`${folder}metrics.md`, 'utf8');
    const [, block = ''] = /```yaml\n(groups:[^`]*)```/.exec(text) ?? [];
    const { groups } = parse(block) as { readonly groups: readonly { readonly rules: readonly AlertRule[] }[] };
    const rules = groups.flatMap((group) => group.rules);
    expect(rules.length).toBeGreaterThan(10);
    expect(new Set(rules.map(({ alert }) => alert)).size).toBe(rules.length);
    for (const { alert, expr, labels } of rules) {
      expect(alert).toMatch(/^Heap[A-Za-z]+$/);
      expect(expr).toMatch(/heap_destination_/);
      for (const [open, close] of ['()', '{}', '[]']) {
        expect([alert, expr.split(open ?? '').length]).toEqual([alert, expr.split(close ?? '').length]);
      }
      expect(['critical', 'warning', 'info']).toContain(labels.severity);
    }
  });
});

interface AlertRule {
  readonly alert: string;
  readonly expr: string;
  readonly labels: { readonly severity: string };
}

const documentedNames = /^(heap_destination|transformer)_/;

/** The metric's labels, without the one that all of rudder-transformer's have. */
function labelsOf(registry: Registry, name: string): readonly string[] {
  // The metric itself knows them; prom-client's types say so of what makes it only.
  const { labelNames = [] } = (registry.getSingleMetric(name) ?? {}) as { readonly labelNames?: readonly string[] };
  return labelNames.filter((label) => label !== 'instanceName');
}
