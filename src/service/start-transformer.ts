import { getHeapStatistics } from 'node:v8';

import { systemClock } from '../core/clock.js';
import { createHttpSender, type HttpSender } from '../core/delivery/http-sender.js';
import { createMetrics, type Metrics } from '../core/metrics/metrics.js';
import { createDeletionClient } from '../destinations/heap/deletion/deletion-client.js';
import { createUserDeletion } from '../destinations/heap/deletion/delete-users.js';
import { fitsBulk } from '../destinations/heap/fits-bulk.js';
import { operationKinds } from '../destinations/heap/operation-kind.js';
import { readHeapRequest } from '../destinations/heap/read-request.js';
import { heapRequestRules } from '../destinations/heap/request-rules.js';
import { compileRudderStackConfig } from '../destinations/heap/rudderstack-config.js';
import { createOperatorApp } from '../http/operator-app.js';
import { createFeaturesAnswer } from '../http/transformer/features-answer.js';
import { createOverloadGuard, heapUsedRatio } from '../http/transformer/overload-guard.js';
import { createTransformerApp, type TransformerAppObserver } from '../http/transformer/transformer-app.js';
import { createUpstream, upstreamTimeoutMs, type Upstream } from '../http/transformer/upstream.js';
import { Destinations } from '../sources/rudderstack/destination.js';
import { createPeerMetrics, type PeerMetrics } from '../sources/rudderstack/peer-metrics.js';
import { allowHosts } from '../sources/rudderstack/proxy/allowed-hosts.js';
import { ProxyDelivery, type ProxyObserver } from '../sources/rudderstack/proxy/proxy-delivery.js';
import { Transforms } from '../sources/rudderstack/transforms.js';
import { listen } from './listen.js';
import type { Logger } from './logging-observer.js';
import { packageVersion } from './package-version.js';
import type { TransformerConfig } from './transformer-config.js';

export interface RunningTransformer {
  readonly dataUrl: string;
  readonly operatorUrl: string;
  /** Takes no new connections, answers what is there within `shutdownMs`, and closes. */
  stop(): Promise<void>;
}

const destType = 'heap';

/** Heap's longest answers that matter to anybody: rudder-server keeps the first 10 KB of one. */
const maxReplyText = 10_000;

/** What a call of the deletion API is given at least, however short the wait. */
const shortestCallMs = 5_000;

/** Starts both ports. Rejects when a port can't be had. */
export async function startTransformer(config: TransformerConfig, logger: Logger): Promise<RunningTransformer> {
  const http = createHttpSender({
    userAgent: `heap-destination/${packageVersion}`,
    requestTimeoutMs: 600_000,
    connectTimeoutMs: 10_000,
    maxSockets: config.maxSockets,
    maxReplyText,
  });
  const guard = createOverloadGuard({
    maxConcurrentRequests: config.maxConcurrentRequests,
    maxBodyBytesInFlight: config.maxBodyBytesInFlight,
    maxHeapUsedRatio: config.maxHeapUsedRatio,
    heapUsedRatio,
    now: () => performance.now(),
  });
  const metrics = createMetrics({
    version: packageVersion,
    kinds: operationKinds,
    delivery: () => ({ lanes: [], hosts: [] }),
  });
  const peer = createPeerMetrics(metrics.registry, config.instanceName, destType, {
    concurrentRequests: () => guard.snapshot().concurrentRequests,
    heapUsed: () => getHeapStatistics().used_heap_size,
    heapLimit: () => getHeapStatistics().heap_size_limit,
  });
  const upstream = createConfiguredUpstream(config, logger);
  const stopping = new AbortController();

  const app = createTransformerApp({
    destType,
    transforms: createTransforms(config, metrics, peer, logger),
    proxy: createProxy(config, http, metrics, peer, logger),
    deletion: {
      backend: createUserDeletion({
        client: createDeletionClient({
          http: observedDeletions(http, peer),
          baseUrl: config.heapUrls.us,
          timeoutMs: Math.max(config.deletionWaitMs, shortestCallMs),
        }),
        clock: systemClock,
        waitMs: config.deletionWaitMs,
      }),
      apiKeyOf: (appId) => config.apiKeys.get(appId),
    },
    features: createFeaturesAnswer(upstream),
    upstream,
    guard,
    maxBodyBytes: config.maxBodyBytes,
    proxyTimeoutMs: config.proxyTimeoutMs,
    build: { version: packageVersion, buildVersion: config.buildVersion, gitCommitSha: config.gitCommitSha },
    stopping: stopping.signal,
    observer: appObserver(metrics, peer, logger),
  });
  const data = await listen(app, config.port, config.host, config.requestTimeoutMs);
  const operator = await listen(
    createOperatorApp({
      registry: metrics.registry,
      version: packageVersion,
      isStopping: () => stopping.signal.aborted,
    }),
    config.operatorPort,
    config.host,
  ).catch((error: unknown) => {
    data.destroy();
    void data.close();
    http.close();
    upstream?.close();
    throw error;
  });

  const stop = async (): Promise<void> => {
    stopping.abort();
    const closed = data.close();
    const patience = new AbortController();
    await Promise.race([closed, systemClock.sleep(config.shutdownMs, patience.signal)]);
    patience.abort();
    data.destroy();
    await closed;
    operator.destroy();
    await operator.close();
    upstream?.close();
    http.close();
  };
  let stopped: Promise<void> | undefined;
  return {
    dataUrl: data.url,
    operatorUrl: operator.url,
    stop: () => {
      if (stopped !== undefined) data.destroy();
      return (stopped ??= stop());
    },
  };
}

function createTransforms(config: TransformerConfig, metrics: Metrics, peer: PeerMetrics, logger: Logger): Transforms {
  return new Transforms({
    destType,
    destinations: new Destinations(
      (settings) => compileRudderStackConfig(settings, config.heapUrls),
      (fault, destinationId) => {
        logger.warn({ fault, destinationId }, 'a setting of a destination is not what it may be');
      },
    ),
    rules: heapRequestRules,
    limits: { maxItems: config.maxBatchItems, maxBytes: config.maxBatchBytes },
    isFast: true,
    onFault: (error) => {
      logger.error({ err: error }, 'an event met a fault of this service');
    },
    onTransformed: (tally, origin, seconds) => {
      metrics.onTransformed(tally, seconds);
      peer.onTransform(tally, origin);
    },
  });
}

function createProxy(
  config: TransformerConfig,
  http: HttpSender,
  metrics: Metrics,
  peer: PeerMetrics,
  logger: Logger,
): ProxyDelivery {
  const observer: ProxyObserver = {
    onReply: ({ kind, path, items, bytes, ids }, reply, seconds) => {
      metrics.onHeapRequest({ kind, items, bytes }, reply, seconds);
      const status = reply.type === 'answer' ? reply.status : undefined;
      peer.onOutgoingRequest({
        feature: 'dataDelivery',
        endpointPath: path,
        requestMethod: 'POST',
        seconds,
        ids,
        status,
      });
    },
    onSplit: (kind) => {
      metrics.onHeapSplit(kind);
    },
    onForbiddenHost: (host) => {
      logger.error({ host }, 'the proxy was asked to send to a host that is not allowed; see DELIVERY_ALLOWED_HOSTS');
    },
  };
  return new ProxyDelivery({
    http,
    rules: heapRequestRules,
    readRequest: readHeapRequest,
    isAllowed: allowHosts(Object.values(config.heapUrls), config.allowedHosts),
    limits: { maxItems: config.maxBatchItems, maxBytes: config.maxBatchBytes },
    fitsBulk,
    coalesceMs: config.coalesceMs,
    clock: systemClock,
    observer,
  });
}

/** The sender of user deletions, whose requests are counted like the others. */
function observedDeletions(http: HttpSender, peer: PeerMetrics): HttpSender {
  return {
    close: () => undefined,
    send: async (call, signal) => {
      const startedAt = performance.now();
      const reply = await http.send(call, signal);
      peer.onOutgoingRequest({
        feature: 'deleteUsers',
        // The last part of a status request is the deletion's own id.
        endpointPath: new URL(call.url).pathname.replace(/(deletion_status)\/.*/, '$1'),
        requestMethod: call.method ?? 'POST',
        seconds: (performance.now() - startedAt) / 1000,
        ids: {},
        status: reply.type === 'answer' ? reply.status : undefined,
      });
      return reply;
    },
  };
}

function createConfiguredUpstream({ upstreamUrl }: TransformerConfig, logger: Logger): Upstream | undefined {
  if (upstreamUrl === undefined) return undefined;
  return createUpstream({
    url: upstreamUrl,
    timeoutMs: upstreamTimeoutMs,
    onFault: (error) => {
      logger.warn({ err: error }, 'the upstream transformer failed a request');
    },
  });
}

function appObserver(metrics: Metrics, peer: PeerMetrics, logger: Logger): TransformerAppObserver {
  return {
    onRequest: (request) => {
      metrics.onHttpRequest(request.route, request.status, request.seconds);
      peer.onHttpRequest({ ...request, destType: request.isOwn ? destType.toUpperCase() : '' });
    },
    onFenced: (route) => {
      peer.onFenced(route);
      metrics.onRefused('backlog_full');
    },
    onDeletion: (succeeded, seconds) => {
      peer.onDeletion(succeeded, seconds);
    },
    onFeaturesFault: (fault) => {
      logger.warn({ fault }, 'the upstream transformer did not tell its features');
    },
    onError: (error) => {
      logger.error({ err: error }, 'a request failed for a fault of this service');
    },
  };
}
