import { Gauge, type Registry } from 'prom-client';

import { laneStates, type DeliverySnapshot, type HostSnapshot, type LaneSnapshot } from '../delivery/lane-snapshot.js';

/** Computed from delivery's own state when Prometheus asks, so they can't drift from it. */
export function addStateGauges(delivery: () => DeliverySnapshot, version: string, registers: Registry[]): void {
  const snapshot = oncePerScrape(delivery);
  new Gauge({
    name: 'heap_destination_build_info',
    help: 'Always 1; the label names the version.',
    labelNames: ['version'] as const,
    registers,
  }).set({ version }, 1);
  addLaneGauges(() => snapshot().lanes, registers);
  addHostGauges(() => snapshot().hosts, registers);
}

/**
 * All gauges of a scrape are collected in one turn, before any promise goes on: they share one look at the lanes, of
 * which there may be thousands, and agree with each other.
 */
function oncePerScrape<T>(read: () => T): () => T {
  let latest: { readonly value: T } | undefined;
  return () => {
    if (latest === undefined) {
      latest = { value: read() };
      queueMicrotask(() => {
        latest = undefined;
      });
    }
    return latest.value;
  };
}

function addLaneGauges(lanes: () => readonly LaneSnapshot[], registers: Registry[]): void {
  const sumOf = (field: 'backlog' | 'backlogBytes'): number => lanes().reduce((sum, lane) => sum + lane[field], 0);
  new Gauge({
    name: 'heap_destination_backlog_bytes',
    help: 'Bytes of the operations that are not settled.',
    registers,
    collect() {
      this.set(sumOf('backlogBytes'));
    },
  });
  new Gauge({
    name: 'heap_destination_backlog_operations',
    help: 'Operations that wait in lanes or are in flight.',
    registers,
    collect() {
      this.set(sumOf('backlog'));
    },
  });
  new Gauge({
    name: 'heap_destination_backlog_oldest_age_seconds',
    help: 'Age of the oldest operation that is not settled in any lane; 0 when there is none.',
    registers,
    collect() {
      this.set(lanes().reduce((age, lane) => Math.max(age, lane.oldestAgeMs), 0) / 1000);
    },
  });
  new Gauge({
    name: 'heap_destination_lanes',
    help: `Lanes (app_ids) by state: ${laneStates.join(', ')}.`,
    labelNames: ['state'] as const,
    registers,
    collect() {
      for (const state of laneStates) this.set({ state }, 0);
      for (const { state } of lanes()) this.inc({ state });
    },
  });
}

/** Hosts are as many as regions; a host is there from its first lane on. */
function addHostGauges(hosts: () => readonly HostSnapshot[], registers: Registry[]): void {
  const gauge = (name: string, help: string, read: (host: HostSnapshot) => number): void => {
    new Gauge({
      name: `heap_destination_host_${name}`,
      help,
      labelNames: ['host'] as const,
      registers,
      collect() {
        for (const host of hosts()) this.set({ host: host.host }, read(host));
      },
    });
  };
  gauge('concurrency_limit', 'Requests that may be in flight to this host at the moment.', (host) => host.concurrency);
  gauge('breaker_open', '1 while requests to this host are held back because everything failed.', ({ breaker }) =>
    breaker === 'closed' ? 0 : 1,
  );
  gauge('retry_tokens', 'Retries that may go to this host at once.', ({ retryTokens }) => retryTokens);
  gauge('latency_seconds', 'Smoothed time of an answer of this host.', ({ latencyMs }) => latencyMs / 1000);
  new Gauge({
    name: 'heap_destination_host_requests_in_flight',
    help: 'Requests in flight to this host; slow: those that hang, which have connections of their own.',
    labelNames: ['host', 'slots'] as const,
    registers,
    collect() {
      for (const { host, inFlight, slow } of hosts()) {
        this.set({ host, slots: 'regular' }, inFlight);
        this.set({ host, slots: 'slow' }, slow);
      }
    },
  });
}
