import { collectDefaultMetrics, Counter, Histogram, Registry } from 'prom-client';

import type { DeliveryObserver } from '../delivery/delivery-observer.js';
import type { DeliverySnapshot } from '../delivery/lane-snapshot.js';
import type { Reply } from '../delivery/reply.js';
import { eventTypes, isEventType } from '../event/event.js';
import type { IntakeObserver } from '../intake.js';
import {
  reasons,
  type AdjustmentReason,
  type DropReason,
  type RejectionReason,
  type RequestReason,
} from '../reasons.js';
import { deliveryMetrics } from './delivery-metrics.js';
import { addStateGauges } from './state-gauges.js';

export interface MetricsOptions {
  /** Of this service. */
  readonly version: string;
  /** The kinds of operation that there are. Whatever is counted by kind starts at 0 with each. */
  readonly kinds: readonly string[];
  /** What gauges are read from, once per scrape. */
  readonly delivery: () => DeliverySnapshot;
}

export interface Metrics {
  readonly registry: Registry;
  readonly intake: IntakeObserver;
  readonly delivery: DeliveryObserver;
  /** Counts the events of one request that were transformed and are delivered by somebody else. */
  onTransformed(counts: TransformCounts, seconds: number): void;
  /** Counts a request to the destination. */
  onHeapRequest(request: CountedRequest, reply: Reply, seconds: number): void;
  /** Counts a smaller request that was made of one that was refused as a whole. */
  onHeapSplit(kind: string): void;
  onRefused(reason: RequestReason): void;
  /** Counts one answered HTTP request; `route` is the pattern, never the path that was asked for. */
  onHttpRequest(route: string, status: number, seconds: number): void;
}

/** What became of the events of one request, by type, kind of operation and reason. */
export interface TransformCounts {
  readonly types: ReadonlyMap<string, number>;
  readonly kinds: ReadonlyMap<string, number>;
  readonly outcomes: ReadonlyMap<RejectionReason | DropReason, number>;
  readonly adjustments: ReadonlyMap<AdjustmentReason, number>;
}

/** A request to the destination as it is counted. */
export interface CountedRequest {
  readonly kind: string;
  readonly items: number;
  readonly bytes: number;
}

const statusClasses = ['2xx', '3xx', '4xx', '429', '5xx', 'timeout', 'network'] as const;

/** With bounds just above the default linger (0.25 s) and at the default answer timeout (8 s). */
const secondsBuckets = [0.005, 0.01, 0.025, 0.05, 0.1, 0.2, 0.3, 0.5, 1, 2.5, 5, 8, 10, 30];

/**
 * Every metric of the service; docs/metrics.md lists exactly these. Labels have few values by construction: event types,
 * kinds of operation, reasons, status classes, routes, hosts. No id of a user, an event or an app is ever a label.
 */
export function createMetrics({ version, kinds, delivery }: MetricsOptions): Metrics {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry });
  const registers = [registry];

  const received = new Counter({
    name: 'heap_destination_events_received_total',
    help: 'Events taken from requests, by type; other types than those of the event spec are "other".',
    labelNames: ['type'] as const,
    registers,
  });
  const operations = new Counter({
    name: 'heap_destination_operations_total',
    help: 'Heap writes that events became, by kind.',
    labelNames: ['kind'] as const,
    registers,
  });
  const outcomes = new Counter({
    name: 'heap_destination_event_outcomes_total',
    help: 'Events by what became of them and why (reason is empty for delivered ones).',
    labelNames: ['outcome', 'reason'] as const,
    registers,
  });
  const adjustments = new Counter({
    name: 'heap_destination_event_adjustments_total',
    help: 'Events that were changed to fit Heap, by reason.',
    labelNames: ['reason'] as const,
    registers,
  });
  const transformSeconds = new Histogram({
    name: 'heap_destination_transform_duration_seconds',
    help: 'Time to map all events of one request.',
    buckets: [0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25],
    registers,
  });
  const requests = new Counter({
    name: 'heap_destination_heap_requests_total',
    help: 'Requests made to Heap, by kind and by class of the answer: 2xx, 3xx, 4xx, 429, 5xx, timeout, network.',
    labelNames: ['kind', 'status_class'] as const,
    registers,
  });
  const requestSeconds = new Histogram({
    name: 'heap_destination_heap_request_duration_seconds',
    help: 'Time from sending a request to Heap to the end of its answer.',
    labelNames: ['kind'] as const,
    buckets: secondsBuckets,
    registers,
  });
  const requestItems = new Histogram({
    name: 'heap_destination_heap_request_items',
    help: 'Items in one request to Heap.',
    labelNames: ['kind'] as const,
    buckets: [1, 2, 5, 10, 25, 50, 100, 250, 500, 1000],
    registers,
  });
  const requestBytes = new Histogram({
    name: 'heap_destination_heap_request_size_bytes',
    help: 'Size of the body of one request to Heap.',
    labelNames: ['kind'] as const,
    buckets: [1e3, 1e4, 1e5, 5e5, 1e6, 2e6, 4_194_304],
    registers,
  });
  const splits = new Counter({
    name: 'heap_destination_heap_request_splits_total',
    help: 'Smaller requests made of one that Heap refused as a whole.',
    labelNames: ['kind'] as const,
    registers,
  });
  const refused = new Counter({
    name: 'heap_destination_requests_refused_total',
    help: 'Requests to the data port that were refused as a whole, by reason.',
    labelNames: ['reason'] as const,
    registers,
  });
  const httpSeconds = new Histogram({
    name: 'heap_destination_http_request_duration_seconds',
    help: 'Time from a request to the data port to the end of its answer; code 499 where the client left before it.',
    labelNames: ['route', 'code'] as const,
    buckets: secondsBuckets,
    registers,
  });
  for (const type of [...eventTypes, 'other']) received.inc({ type }, 0);
  for (const outcome of ['delivered', 'abandoned']) outcomes.inc({ outcome, reason: '' }, 0);
  for (const [reason, { group }] of Object.entries(reasons)) {
    if (group === 'adjusted') adjustments.inc({ reason }, 0);
    else if (group === 'request') refused.inc({ reason }, 0);
    else outcomes.inc({ outcome: group, reason }, 0);
  }
  for (const kind of kinds) {
    operations.inc({ kind }, 0);
    splits.inc({ kind }, 0);
    for (const status_class of statusClasses) requests.inc({ kind, status_class }, 0);
    for (const histogram of [requestSeconds, requestItems, requestBytes]) histogram.zero({ kind });
  }
  const countDelivery = deliveryMetrics(kinds, registry);
  addStateGauges(delivery, version, registers);

  const countRequest = ({ kind, items, bytes }: CountedRequest, reply: Reply, seconds: number): void => {
    requests.inc({ kind, status_class: reply.type === 'answer' ? statusClass(reply.status) : reply.cause });
    requestSeconds.observe({ kind }, seconds);
    requestItems.observe({ kind }, items);
    requestBytes.observe({ kind }, bytes);
  };

  return {
    registry,
    intake: {
      onReceived: (type) => {
        received.inc({ type: isEventType(type) ? type : 'other' });
      },
      onFault: () => undefined,
      onTransformed: (seconds) => {
        transformSeconds.observe(seconds);
      },
      onOperation: (kind) => {
        operations.inc({ kind });
      },
      onOutcome: (outcome, reason) => {
        outcomes.inc({ outcome, reason: reason ?? '' });
      },
      onAdjustment: (reason) => {
        adjustments.inc({ reason });
      },
    },
    delivery: {
      ...countDelivery,
      onReply: ({ kind, items, bytes }, reply, seconds) => {
        countRequest({ kind, items: items.length, bytes }, reply, seconds);
      },
      onSplit: ({ kind }) => {
        splits.inc({ kind });
      },
    },
    onHeapRequest: countRequest,
    onHeapSplit: (kind) => {
      splits.inc({ kind });
    },
    onTransformed: ({ types, kinds, outcomes: byReason, adjustments: adjusted }, seconds) => {
      for (const [type, count] of types) received.inc({ type: isEventType(type) ? type : 'other' }, count);
      for (const [kind, count] of kinds) operations.inc({ kind }, count);
      for (const [reason, count] of byReason) outcomes.inc({ outcome: reasons[reason].group, reason }, count);
      for (const [reason, count] of adjusted) adjustments.inc({ reason }, count);
      transformSeconds.observe(seconds);
    },
    onRefused: (reason) => {
      refused.inc({ reason });
    },
    onHttpRequest: (route, status, seconds) => {
      httpSeconds.observe({ route, code: status }, seconds);
    },
  };
}

function statusClass(status: number): string {
  return status === 429 ? '429' : `${Math.floor(status / 100)}xx`;
}
