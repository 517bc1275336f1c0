import { Counter, Gauge, Histogram, type Registry } from 'prom-client';

import type { EventIds, FailureTags } from './failure.js';
import type { Tally } from './tally.js';

/** What the gauges are read from. */
export interface PeerMetricsState {
  readonly concurrentRequests: () => number;
  /** Bytes. */
  readonly heapUsed: () => number;
  readonly heapLimit: () => number;
}

/** Where a batch comes from, as its first event's metadata says. */
export interface BatchOrigin {
  readonly sourceType: string;
  readonly destinationType: string;
  readonly namespace: string;
}

/** One request to the destination that is made here. */
export interface OutgoingRequest {
  readonly feature: 'dataDelivery' | 'deleteUsers';
  readonly endpointPath: string;
  readonly requestMethod: string;
  readonly seconds: number;
  readonly ids: EventIds;
  /** `undefined` where there was no answer. */
  readonly status: number | undefined;
}

export interface PeerMetrics {
  onHttpRequest(request: {
    readonly method: string;
    readonly route: string;
    readonly status: number;
    readonly destType: string;
    readonly seconds: number;
    readonly requestBytes: number;
    readonly responseBytes: number;
  }): void;
  onTransform(tally: Tally, origin: BatchOrigin): void;
  onOutgoingRequest(request: OutgoingRequest): void;
  onDeletion(succeeded: boolean, seconds: number): void;
  onFenced(route: string): void;
}

/** Pairs of destination and workspace that have labels of their own; what comes later is counted under `other`. */
const maxLabelled = 1_000;

const byteBuckets = [1e3, 1e4, 1e5, 5e5, 1e6, 5e6, 1e7, 5e7, 1e8];

/** 10, 20 … 200: a processor's request holds up to 100 events. */
const eventBuckets = Array.from({ length: 20 }, (_unused, index) => (index + 1) * 10);

/** The series of requests with the same labels. */
interface HttpSeries {
  readonly seconds: Histogram.Internal<string>;
  readonly requestSize: Histogram.Internal<string>;
  readonly responseSize: Histogram.Internal<string>;
}

/**
 * The metrics that rudder-transformer has, under its names and with its labels, so that an operator's dashboards and
 * alerts go on working. Where this service knows better names, it has metrics of its own beside them.
 *
 * @param instanceName the label that the peer puts on all of its metrics.
 */
export function createPeerMetrics(
  registry: Registry,
  instanceName: string,
  destType: string,
  state: PeerMetricsState,
): PeerMetrics {
  const registers = [registry];
  const own = { instanceName };
  const upperType = destType.toUpperCase();
  const counter = (name: string, help: string, labels: readonly string[]): Counter =>
    new Counter({ name, help, labelNames: ['instanceName', ...labels], registers });
  const histogram = (name: string, help: string, labels: readonly string[], buckets?: number[]): Histogram =>
    new Histogram({
      name,
      help,
      labelNames: ['instanceName', ...labels],
      registers,
      ...(buckets === undefined ? {} : { buckets }),
    });
  const gauge = (name: string, help: string, read: () => number): Gauge =>
    new Gauge({
      name,
      help,
      labelNames: ['instanceName'],
      registers,
      collect() {
        this.set(own, read());
      },
    });

  const httpLabels = ['method', 'route', 'code'];
  const httpSeconds = histogram('transformer_http_request_duration', 'Time to answer a request, in seconds.', [
    ...httpLabels,
    'destType',
  ]);
  const requestSize = histogram('transformer_http_request_size', 'Bytes of a request.', httpLabels, byteBuckets);
  const responseSize = histogram('transformer_http_response_size', 'Bytes of an answer.', httpLabels, byteBuckets);
  const batchLabels = ['destination', 'version', 'destVersion', 'sourceType', 'destinationType', 'k8_namespace'];
  const inputEvents = histogram(
    'transformer_dest_transform_input_events',
    'Events in one request to the transform.',
    batchLabels,
    eventBuckets,
  );
  const outputEvents = histogram(
    'transformer_dest_transform_output_events',
    'Entries in one answer of the transform.',
    batchLabels,
    eventBuckets,
  );
  const eventLabels = ['destType', 'module', 'destinationId', 'workspaceId', 'feature', 'implementation'];
  const successes = counter('transformer_event_transform_success', 'Events that were transformed.', eventLabels);
  const failures = counter('transformer_event_transform_failure', 'Events that could not be transformed.', [
    ...eventLabels,
    'errorCategory',
    'errorType',
  ]);
  const outgoingLabels = [
    ...['feature', 'destType', 'endpointPath', 'requestMethod', 'module', 'implementation'],
    ...['destinationId', 'workspaceId'],
  ];
  const outgoingSeconds = histogram(
    'transformer_outgoing_request_latency',
    'Time of a request to the destination, in seconds.',
    outgoingLabels,
  );
  const outgoingCount = counter('transformer_outgoing_request_count', 'Requests to the destination.', [
    ...outgoingLabels,
    'success',
    'statusCode',
  ]);
  const deletionLabels = ['feature', 'implementation', 'destType'];
  const deletionSeconds = histogram(
    'transformer_regulation_worker_requests_dest_latency',
    'Time of a user deletion, in seconds.',
    deletionLabels,
  );
  const deletionFailures = counter(
    'transformer_regulation_worker_user_deletion_failure',
    'User deletions that failed or are not complete yet.',
    deletionLabels,
  );
  const fenced = counter('transformer_memory_fenced_requests', 'Requests refused for want of room.', ['route']);
  gauge('transformer_http_concurrent_requests', 'Requests that are being answered.', state.concurrentRequests);
  gauge(
    'transformer_memory_heap_used_percent',
    'Share of the heap limit that is in use, in percent.',
    () => (100 * state.heapUsed()) / state.heapLimit(),
  );
  gauge('transformer_memory_heap_size_limit', 'Limit of the heap, in bytes.', state.heapLimit);

  const series = new Map<string, HttpSeries>();
  /** Finding a series by its labels costs more than counting in it; those of requests are few. */
  const httpSeries = (method: string, route: string, code: number, type: string): HttpSeries => {
    const key = `${method} ${code} ${type} ${route}`;
    let found = series.get(key);
    if (found === undefined) {
      const labels = { ...own, method, route, code };
      found = {
        seconds: httpSeconds.labels({ ...labels, destType: type }),
        requestSize: requestSize.labels(labels),
        responseSize: responseSize.labels(labels),
      };
      series.set(key, found);
    }
    return found;
  };

  const labelled = new Set<string>();
  /** Ids are the senders' to choose: without a bound, odd ones would fill the memory of this process and Prometheus. */
  const idLabels = ({ destinationId = '', workspaceId = '' }: EventIds): Record<keyof EventIds, string> => {
    const key = JSON.stringify([destinationId, workspaceId]);
    if (!labelled.has(key) && labelled.size >= maxLabelled) return { destinationId: 'other', workspaceId: 'other' };
    labelled.add(key);
    return { destinationId, workspaceId };
  };
  const origins = new Set<string>();
  const originLabels = ({ sourceType, destinationType, namespace }: BatchOrigin): Record<string, string> => {
    const key = JSON.stringify([sourceType, destinationType, namespace]);
    const isKnown = origins.has(key) || origins.size < maxLabelled;
    if (isKnown) origins.add(key);
    return isKnown
      ? { sourceType, destinationType, k8_namespace: namespace }
      : { sourceType: 'other', destinationType: 'other', k8_namespace: 'other' };
  };

  const outgoing = { ...own, destType: upperType, module: 'destination', implementation: 'native' };
  const deletion = { ...own, feature: 'deleteUsers', implementation: 'native', destType: upperType };
  return {
    onHttpRequest: ({ method, route, status, destType: type, seconds, requestBytes, responseBytes }) => {
      const http = httpSeries(method, route, status, type);
      http.seconds.observe(seconds);
      http.requestSize.observe(requestBytes);
      http.responseSize.observe(responseBytes);
    },
    onTransform: (tally, origin) => {
      const batch = { ...own, destination: destType, version: 'v0', destVersion: '', ...originLabels(origin) };
      inputEvents.observe(batch, tally.input);
      outputEvents.observe(batch, tally.output);
      for (const { ids, tags, count } of tally.groups) {
        const labels = {
          ...own,
          destType: upperType,
          module: 'destination',
          ...idLabels(ids),
          feature: tally.feature,
          implementation: 'cdkV2',
        };
        if (tags === undefined) successes.inc(labels, count);
        else failures.inc({ ...labels, ...failureLabels(tags) }, count);
      }
    },
    onOutgoingRequest: ({ feature, endpointPath, requestMethod, seconds, status, ids }) => {
      const labels = { ...outgoing, feature, endpointPath, requestMethod, ...idLabels(ids) };
      outgoingSeconds.observe(labels, seconds);
      const success = status !== undefined && status >= 200 && status < 300;
      outgoingCount.inc({ ...labels, success: String(success), statusCode: status ?? 0 });
    },
    onDeletion: (succeeded, seconds) => {
      deletionSeconds.observe(deletion, seconds);
      if (!succeeded) deletionFailures.inc(deletion);
    },
    onFenced: (route) => {
      fenced.inc({ ...own, route });
    },
  };
}

function failureLabels({ errorCategory, errorType = '' }: FailureTags): Record<'errorCategory' | 'errorType', string> {
  return { errorCategory, errorType };
}
