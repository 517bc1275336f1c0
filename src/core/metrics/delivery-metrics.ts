import { Counter, Histogram, type Registry } from 'prom-client';

import type { BreakerState } from '../delivery/breaker.js';
import { waitCauses, type DeliveryObserver } from '../delivery/delivery-observer.js';
import { laneModes } from '../delivery/lane-health.js';
import { TallyHistogram } from './tally-histogram.js';

const stateLabels: Readonly<Record<BreakerState, string>> = { closed: 'closed', open: 'open', halfOpen: 'half_open' };

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

/** From a request that went out at once to the default `maxAgeMs`. */
const delayBuckets = [
  ...[0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30],
  ...[minute, 5 * minute, 15 * minute, hour, 6 * hour],
  ...[day, 3 * day, 7 * day],
];

/** Counts what delivery does, but for its requests, which are counted with those that others make. */
export function deliveryMetrics(
  kinds: readonly string[],
  registry: Registry,
): Omit<DeliveryObserver, 'onReply' | 'onSplit'> {
  const registers = [registry];
  const delays = new TallyHistogram({
    name: 'heap_destination_time_to_delivery_seconds',
    help: 'Time from taking an operation to the answer of Heap that it has it, by kind.',
    label: 'kind',
    known: kinds,
    buckets: delayBuckets,
    registry,
  });
  const waits = new Counter({
    name: 'heap_destination_delivery_waits_total',
    help: `Waits of a lane, or of one identity in it, by cause: ${waitCauses.join(', ')}.`,
    labelNames: ['cause'] as const,
    registers,
  });
  const waitSeconds = new Counter({
    name: 'heap_destination_delivery_wait_seconds_total',
    help: 'How long those waits were meant to be when they began.',
    labelNames: ['cause'] as const,
    registers,
  });
  const transitions = new Counter({
    name: 'heap_destination_lane_transitions_total',
    help: `Changes of lanes between ${laneModes.join(', ')}.`,
    labelNames: ['from', 'to'] as const,
    registers,
  });
  const paused = new Counter({
    name: 'heap_destination_lanes_paused_total',
    help: 'Lanes that stopped for a person to look, because Heap suddenly rejected too much for one reason.',
    registers,
  });
  const breakers = new Counter({
    name: 'heap_destination_breaker_transitions_total',
    help: 'Changes of circuit breakers, of lanes and of hosts, by the state that they went to.',
    labelNames: ['scope', 'state'] as const,
    registers,
  });
  const retries = new Counter({
    name: 'heap_destination_heap_request_retries_total',
    help: 'Requests to Heap that hold something that failed before, or whose lane just did.',
    labelNames: ['kind'] as const,
    registers,
  });
  const searches = new Counter({
    name: 'heap_destination_culprit_searches_total',
    help: 'Requests that Heap refused as a whole and that were taken apart to their end.',
    labelNames: ['kind'] as const,
    registers,
  });
  const searchRequests = new Histogram({
    name: 'heap_destination_culprit_search_requests',
    help: 'Requests that such a search took, the refused one included.',
    buckets: [2, 4, 8, 12, 16, 24, 32, 64, 128, 256, 512, 1024],
    registers,
  });
  const culprits = new Counter({
    name: 'heap_destination_culprits_total',
    help: 'Operations that such searches found to be what Heap refused.',
    labelNames: ['kind'] as const,
    registers,
  });
  const faults = new Counter({
    name: 'heap_destination_delivery_faults_total',
    help: 'Faults of this service that delivery met and went on from; the log has them.',
    registers,
  });

  for (const kind of kinds) for (const counter of [retries, searches, culprits]) counter.inc({ kind }, 0);
  for (const cause of waitCauses) for (const counter of [waits, waitSeconds]) counter.inc({ cause }, 0);
  for (const scope of ['lane', 'host']) {
    for (const state of Object.values(stateLabels)) breakers.inc({ scope, state }, 0);
  }
  for (const from of laneModes) {
    // A person ends a pause, and the lane flows.
    const next = from === 'paused' ? (['flowing'] as const) : laneModes;
    for (const to of next) if (from !== to) transitions.inc({ from, to }, 0);
  }

  return {
    onWait: (_lane, cause, ms) => {
      waits.inc({ cause });
      // One that ends with an answer has no length.
      if (Number.isFinite(ms)) waitSeconds.inc({ cause }, Math.max(0, ms) / 1000);
    },
    onTransition: (_lane, from, to) => {
      transitions.inc({ from, to });
    },
    onPaused: () => {
      paused.inc();
    },
    onLaneBreaker: (_lane, _from, to) => {
      breakers.inc({ scope: 'lane', state: stateLabels[to] });
    },
    onHostBreaker: (_host, _from, to) => {
      breakers.inc({ scope: 'host', state: stateLabels[to] });
    },
    onRetry: ({ kind }) => {
      retries.inc({ kind });
    },
    onSearched: (_lane, kind, requests, found) => {
      searches.inc({ kind });
      searchRequests.observe(requests);
      culprits.inc({ kind }, found);
    },
    onDelivered: (kind, seconds) => {
      delays.observe(kind, seconds);
    },
    onFault: () => {
      faults.inc();
    },
  };
}
