import { systemClock } from '../core/clock.js';
import type { DeliveryObserver } from '../core/delivery/delivery-observer.js';
import { DeliveryRouter, type RemainingLane } from '../core/delivery/delivery-router.js';
import type { Send } from '../core/delivery/host.js';
import { createHttpSender, type HttpSender } from '../core/delivery/http-sender.js';
import { hashText } from '../core/mapping/conversions/hash.js';
import { createMetrics } from '../core/metrics/metrics.js';
import { classifyHeapReply } from '../destinations/heap/classify-reply.js';
import { compileConnection, type TransformEvent } from '../destinations/heap/compile-connection.js';
import type { Region } from '../destinations/heap/connection.js';
import { operationKinds } from '../destinations/heap/operation-kind.js';
import { heapRequestRules } from '../destinations/heap/request-rules.js';
import { createDataApp } from '../http/data-app.js';
import type { WebhookDoor } from '../http/data/data-app-options.js';
import { createOperatorApp } from '../http/operator-app.js';
import { webhookGuard } from '../sources/webhook/webhook-guard.js';
import { combineObservers } from './combine-observers.js';
import { toDeliveryPolicy } from './delivery-policy.js';
import { listen } from './listen.js';
import { loggingObserver, type Logger } from './logging-observer.js';
import { packageVersion } from './package-version.js';
import type { ServiceConfig } from './service-config.js';

export interface RunningService {
  readonly dataUrl: string;
  readonly operatorUrl: string;
  /**
   * Stops taking requests, delivers what is there within `shutdownMs`, answers everybody and closes. Called again, it
   * abandons what is in flight at once.
   *
   * @returns the operations that were not delivered; their senders were told to send them again.
   */
  stop(): Promise<number>;
}

/** How long the last answers may take to leave when the service stops. */
const lastAnswersMs = 1_000;

/** Starts both ports. Rejects when a port can't be had. */
export async function startService(config: ServiceConfig, logger: Logger): Promise<RunningService> {
  const http = createHttpSender({
    userAgent: `heap-destination/${packageVersion}`,
    requestTimeoutMs: config.delivery.requestTimeoutMs,
    connectTimeoutMs: config.delivery.connectTimeoutMs,
    // However many requests hang, some connections are out of their reach.
    maxSockets: config.delivery.maxSockets + config.delivery.adaptiveConcurrency.min,
  });
  const metrics = createMetrics({
    version: packageVersion,
    kinds: operationKinds,
    delivery: () => router.snapshot(),
  });
  const observer = combineObservers(
    metrics.delivery,
    loggingObserver(logger, () => systemClock.monotonic()),
  );
  const router = createRouter(config, http, observer);
  const connections = compileConnections(config);
  let isStopping = false;

  const data = await listen(
    createDataApp({
      connectionFor: (writeKey) => connections.byKey.get(digest(writeKey)),
      webhookFor: (id) => connections.webhooks.get(id),
      allowedOrigins: config.server.allowedOrigins,
      intake: {
        router,
        clock: systemClock,
        observer: {
          ...metrics.intake,
          onFault: (error) => {
            logger.error({ err: error }, 'an event met a fault of this service');
          },
        },
        answerTimeoutMs: config.server.answerTimeoutMs,
        maxEventLength: config.server.maxEventLength,
      },
      maxBodyBytes: config.server.maxBodyBytes,
      maxEvents: config.server.maxEvents,
      isStopping: () => isStopping,
      onRefused: (reason) => {
        metrics.onRefused(reason);
      },
      onRequest: (route, status, seconds) => {
        metrics.onHttpRequest(route, status, seconds);
      },
      onError: (error) => {
        logger.error({ err: error }, 'a request failed for a fault of this service');
      },
    }),
    config.server.port,
    config.server.host,
  );
  const operator = await listen(
    createOperatorApp({
      registry: metrics.registry,
      version: packageVersion,
      delivery: {
        snapshot: () => router.snapshot(),
        resume: (region, appId) => router.resume(`${region}:${appId}`),
      },
      isStopping: () => isStopping,
    }),
    config.server.operatorPort,
    config.server.host,
  ).catch((error: unknown) => {
    data.destroy();
    void data.close();
    http.close();
    throw error;
  });

  const stop = async (): Promise<number> => {
    const dataClosed = data.close();
    const remaining = await router.close(config.server.shutdownMs);
    // Everybody who sent a whole request is answered; who still holds one back has no answer to lose.
    const patience = new AbortController();
    await Promise.race([dataClosed, systemClock.sleep(lastAnswersMs, patience.signal)]);
    patience.abort();
    data.destroy();
    await dataClosed;
    operator.destroy();
    await operator.close();
    http.close();
    return logRemaining(remaining, logger);
  };
  let stopped: Promise<number> | undefined;
  return {
    dataUrl: data.url,
    operatorUrl: operator.url,
    stop: () => {
      if (stopped === undefined) {
        isStopping = true;
        stopped = stop();
      } else {
        router.abort();
      }
      return stopped;
    },
  };
}

function createRouter(config: ServiceConfig, http: HttpSender, observer: DeliveryObserver): DeliveryRouter {
  const { batching, delivery } = config;
  return new DeliveryRouter({
    rules: heapRequestRules,
    policy: toDeliveryPolicy(batching, delivery),
    send: heapSend(config.heapUrls, http, observer),
    hostOf: ({ region }) => new URL(config.heapUrls[region as Region]).host,
    clock: systemClock,
    random: Math.random,
    observer,
    maxBacklog: delivery.maxBacklog,
    maxBacklogBytes: delivery.maxBacklogBytes,
  });
}

/** The port `send(request) → outcome` over real HTTP to Heap. */
function heapSend(urls: Readonly<Record<Region, string>>, http: HttpSender, observer: DeliveryObserver): Send {
  return async (request, signal) => {
    const startedAt = performance.now();
    const url = `${urls[request.lane.region as Region]}${request.path}`;
    const reply = await http.send({ url, body: request.body }, signal);
    observer.onReply(request, reply, (performance.now() - startedAt) / 1000);
    return classifyHeapReply(reply, systemClock.now());
  };
}

/** Says what each lane had left, and returns how much that is. Of the events nothing is said. */
function logRemaining(remaining: readonly RemainingLane[], logger: Logger): number {
  for (const { lane, operations } of remaining) {
    const { region, appId } = lane;
    logger.warn({ region, appId, operations }, 'not delivered; the senders were told to send them again');
  }
  return remaining.reduce((sum, { operations }) => sum + operations, 0);
}

/** Keys are looked up by their digest: how long a look-up takes then says nothing of how much of a key was right. */
function digest(writeKey: string): string {
  return hashText('sha256', writeKey);
}

interface CompiledConnections {
  /** By the digest of the write key. */
  readonly byKey: ReadonlyMap<string, TransformEvent>;
  /** By the id of the connection. */
  readonly webhooks: ReadonlyMap<string, WebhookDoor>;
}

function compileConnections(config: ServiceConfig): CompiledConnections {
  const byKey = new Map<string, TransformEvent>();
  const webhooks = new Map<string, WebhookDoor>();
  for (const { writeKey, connection, webhook } of config.connections) {
    const faults: string[] = [];
    const transform = compileConnection(connection, faults);
    if (faults.length > 0) throw new Error(`connection ${connection.id}: ${faults.join('; ')}`);
    byKey.set(digest(writeKey), transform);
    if (webhook !== undefined) webhooks.set(connection.id, { guard: webhookGuard(webhook), transform });
  }
  return { byKey, webhooks };
}
