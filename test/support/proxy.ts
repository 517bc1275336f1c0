import { createServer, type IncomingHttpHeaders, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

import { expect } from '@jest/globals';

import type { BatchLimits } from '../../src/core/batching/plan-requests.js';
import type { Clock } from '../../src/core/clock.js';
import { createHttpSender } from '../../src/core/delivery/http-sender.js';
import type { Json, JsonObject } from '../../src/core/json/json.js';
import { readHeapRequest } from '../../src/destinations/heap/read-request.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { startSimulator, type Simulator } from '../../src/destinations/heap/simulator/start-simulator.js';
import type { PartialSimulatorOptions } from '../../src/destinations/heap/simulator/simulator-options.js';
import type { Environment } from '../../src/service/read-config.js';
import { readTransformerConfig } from '../../src/service/read-transformer-config.js';
import { startTransformer } from '../../src/service/start-transformer.js';
import { allowHosts } from '../../src/sources/rudderstack/proxy/allowed-hosts.js';
import type { JobResult } from '../../src/sources/rudderstack/proxy/job-result.js';
import { ProxyDelivery, type SentRequest } from '../../src/sources/rudderstack/proxy/proxy-delivery.js';
import { readProxyRequest } from '../../src/sources/rudderstack/proxy/read-proxy-request.js';
import { ask, type HttpAnswer } from './http-client.js';
import type { LogEntry } from './running-service.js';
import { VirtualClock } from './virtual-clock.js';

export const appId = '9000000101';

/** Without the rate limits, which small tests run into. */
const unlimited: PartialSimulatorOptions = {
  limits: {
    bulkTrackPerIdentity: null,
    bulkTrackPerApp: null,
    trackPerIdentity: null,
    userPropertiesPerIdentity: null,
  },
};

export function startHeap(options: PartialSimulatorOptions = {}): Promise<Simulator> {
  return startSimulator({ ...unlimited, ...options });
}

/** How many requests Heap was sent, whatever it answered. */
export function requestsTo({ heap }: Simulator, path = '/api/track'): number {
  return Object.values(heap.statistics().requests[path] ?? {}).reduce((sum, count) => sum + count, 0);
}

/** The names of the events that Heap has, in the order of their arrival. */
export function eventsAt({ heap }: Simulator, id = appId): readonly string[] {
  return (heap.findApp(id)?.events ?? []).map(({ event }) => event);
}

/** What Heap knows of a user. */
export function propertiesAt({ heap }: Simulator, identity: string): JsonObject {
  return Object.fromEntries(heap.findApp(appId)?.users.get(identity)?.properties ?? []);
}

export interface Received {
  readonly method: string | undefined;
  readonly url: string | undefined;
  readonly headers: IncomingHttpHeaders;
  readonly body: string;
}

/** An HTTP server in Heap's place, for what the simulator would not do. */
export interface HeapStub {
  readonly url: string;
  readonly received: readonly Received[];
  readonly connections: () => number;
  close(): Promise<void>;
}

/** @param answer called once the request's body is there; Heap's empty object by default. */
export async function startHeapStub(
  answer: (response: ServerResponse, received: Received, request: IncomingMessage) => void = (response) =>
    response.end('{}'),
): Promise<HeapStub> {
  const received: Received[] = [];
  let connections = 0;
  const server = createServer((request, response) => {
    // A request that is cut short is what some tests are about.
    request.on('error', () => undefined);
    let body = '';
    request.setEncoding('utf8').on('data', (chunk: string) => (body += chunk));
    request.once('end', () => {
      const whole = { method: request.method, url: request.url, headers: request.headers, body };
      received.push(whole);
      answer(response, whole, request);
    });
  });
  server.on('connection', () => (connections += 1));
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received,
    connections: () => connections,
    close: () =>
      new Promise((resolve) => {
        server.close(() => {
          resolve();
        });
        server.closeAllConnections();
      }),
  };
}

/** A job's metadata, as rudder-server's router has it. */
export function job(jobId: number, more: JsonObject = {}): JsonObject {
  return {
    jobId,
    attemptNum: 0,
    userId: '',
    sourceId: 's-1',
    destinationId: 'd-1',
    workspaceId: 'w-1',
    secret: null,
    dontBatch: false,
    ...more,
  };
}

/** The jobs 1, 2 … `count`. */
export function jobs(count: number): readonly JsonObject[] {
  return Array.from({ length: count }, (_unused, index) => job(index + 1));
}

/** The body of a proxy call that has `json` delivered. */
export function callOf(endpoint: string, json: Json, more: JsonObject = {}): JsonObject {
  return {
    type: 'REST',
    endpoint,
    method: 'POST',
    userId: '',
    headers: { Accept: 'application/json', 'Content-Type': 'application/json' },
    params: {},
    body: { JSON: json, JSON_ARRAY: {}, XML: {}, FORM: {} },
    files: {},
    metadata: jobs(1),
    destinationConfig: { appId },
    ...more,
  };
}

/** An event in Heap's single form. */
export const event = { app_id: appId, identity: 'ann', event: 'Signed Up', properties: { plan: 'gold' } };

export interface ProxyOutput {
  readonly status: number;
  readonly message: string;
  readonly statTags?: JsonObject;
  /** v0 only. */
  readonly destinationResponse?: { readonly response: Json; readonly status: number; readonly headers: JsonObject };
  /** v1 only. */
  readonly response?: readonly { readonly statusCode: number; readonly error: string; readonly metadata: Json }[];
}

export type ProxyAnswered = HttpAnswer & { readonly output: ProxyOutput };

/** Expects an answer that is the transformer's own, as rudder-server tells it. */
export function expectVersioned(answer: ProxyAnswered, httpStatus: number): void {
  expect(answer.status).toBe(httpStatus);
  expect(answer.headers).toMatchObject({ apiversion: '2', 'content-type': 'application/json; charset=utf-8' });
}

/** The status of each job of a v1 answer. */
export function statusesOf({ output }: ProxyAnswered): readonly number[] {
  return (output.response ?? []).map(({ statusCode }) => statusCode);
}

/** The transformer on free ports of this machine. */
export interface TestTransformer {
  readonly dataUrl: string;
  readonly operatorUrl: string;
  readonly log: readonly LogEntry[];
  /** Posts to Heap's delivery proxy; a body that is a text or bytes goes as it is. */
  proxy(version: 'v0' | 'v1', body: unknown, headers?: Readonly<Record<string, string>>): Promise<ProxyAnswered>;
  close(): Promise<void>;
}

/** Starts the transformer with Heap at `heapUrl` and the environment's other settings. */
export async function startTestTransformer(heapUrl: string, environment: Environment = {}): Promise<TestTransformer> {
  const read = readTransformerConfig({
    HEAP_API_URL_US: heapUrl,
    HEAP_API_URL_EU: heapUrl,
    PORT: '0',
    METRICS_PORT: '0',
    HOST: '127.0.0.1',
    ...environment,
  });
  if (!read.ok) throw new Error(read.faults.join('; '));
  const log: LogEntry[] = [];
  const writeLog =
    (level: LogEntry['level']) =>
    (fields: unknown, message?: string): void => {
      log.push({ level, fields, message });
    };
  const transformer = await startTransformer(
    { ...read.config, shutdownMs: 5_000 },
    { debug: writeLog('debug'), info: writeLog('info'), warn: writeLog('warn'), error: writeLog('error') },
  );
  const { dataUrl, operatorUrl } = transformer;
  return {
    dataUrl,
    operatorUrl,
    log,
    proxy: async (version, body, headers = {}) => {
      const isRaw = typeof body === 'string' || body instanceof Uint8Array;
      const answer = await ask(`${dataUrl}/${version}/destinations/heap/proxy`, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: isRaw ? body : JSON.stringify(body),
      });
      return { ...answer, output: (JSON.parse(answer.text) as { readonly output: ProxyOutput }).output };
    },
    close: async () => {
      const stopping = transformer.stop();
      // The second call abandons what a fault still holds up.
      await transformer.stop();
      await stopping;
    },
  };
}

export interface DeliveryOptions {
  readonly coalesceMs?: number;
  readonly limits?: Partial<BatchLimits>;
  /** A virtual one by default; requests to Heap take real time with either. */
  readonly clock?: Clock;
}

/** The proxy's delivery without its port. */
export interface TestDelivery {
  readonly sent: readonly SentRequest[];
  /** Requests that were made of refused ones. */
  readonly splits: () => number;
  /** Delivers what a call's body asks for; without a time given, it has a minute. */
  deliver(call: JsonObject, timeoutMs?: number): Promise<readonly JobResult[]>;
  close(): void;
}

export function createDelivery(
  heapUrl: string,
  { coalesceMs = 0, limits, clock = new VirtualClock() }: DeliveryOptions = {},
): TestDelivery {
  const http = createHttpSender({
    userAgent: 'test/1',
    requestTimeoutMs: 60_000,
    connectTimeoutMs: 5_000,
    maxSockets: 16,
    maxReplyText: 10_000,
  });
  const sent: SentRequest[] = [];
  let splits = 0;
  const delivery = new ProxyDelivery({
    http,
    rules: heapRequestRules,
    readRequest: readHeapRequest,
    isAllowed: allowHosts([heapUrl], []),
    limits: { maxItems: 1_000, maxBytes: 4 * 1024 * 1024, ...limits },
    fitsBulk: () => true,
    coalesceMs,
    clock,
    observer: {
      onReply: (request) => sent.push(request),
      onSplit: () => (splits += 1),
      onForbiddenHost: () => undefined,
    },
  });
  return {
    sent,
    splits: () => splits,
    deliver: (call, timeoutMs = 60_000) => {
      const read = readProxyRequest(call);
      if (!read.ok) throw new Error(read.message);
      return delivery.deliver(read.request, timeoutMs);
    },
    close: () => {
      http.close();
    },
  };
}
