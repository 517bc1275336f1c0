import { systemClock } from '../core/clock.js';
import type { RemainingLane } from '../core/delivery/delivery-router.js';
import { createHttpSender } from '../core/delivery/http-sender.js';
import { createMetrics } from '../core/metrics/metrics.js';
import type { StoreBroken } from '../core/store/store-broken.js';
import { operationKinds } from '../destinations/heap/operation-kind.js';
import { createDataApp } from '../http/data-app.js';
import { createOperatorApp } from '../http/operator-app.js';
import { combineObservers } from './combine-observers.js';
import { compileConnections } from './compile-connections.js';
import { createRouter } from './create-router.js';
import { listen } from './listen.js';
import { loggingObserver, type Logger } from './logging-observer.js';
import { packageVersion } from './package-version.js';
import type { ServiceConfig } from './service-config.js';
import { startIntake } from './start-intake.js';

export interface RunningService {
  readonly dataUrl: string;
  readonly operatorUrl: string;
  /**
   * Stops taking requests, answers everybody and closes. With a store, what is in flight is waited for within
   * `shutdownMs`, and the rest stays stored; without one, everything that is there is delivered within that time. Called
   * again, it abandons what is in flight at once.
   *
   * @returns the operations that were neither delivered nor stored; their senders were told to send them again.
   */
  stop(): Promise<number>;
}

/** How long the last answers may take to leave when the service stops. */
const lastAnswersMs = 1_000;

/**
 * Opens the store and starts both ports. Rejects when the store or a port can't be had.
 *
 * @param onBroken the store takes nothing any more: the process should end at once, and be started anew.
 */
export async function startService(
  config: ServiceConfig,
  logger: Logger,
  onBroken: (error: StoreBroken) => void = () => undefined,
): Promise<RunningService> {
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
  const started = await startIntake({
    ...{ config, router, metrics, logger },
    connections: connections.byId,
    onBroken: (error) => {
      logger.error({ err: error }, 'the store is broken: nothing more can be confirmed');
      onBroken(error);
    },
  }).catch((error: unknown) => {
    http.close();
    throw error;
  });
  const { intake, durable } = started;

  const data = await listen(
    createDataApp({
      connectionFor: (writeKey) => connections.forWriteKey(writeKey),
      webhookFor: (id) => connections.webhooks.get(id),
      allowedOrigins: config.server.allowedOrigins,
      intake,
      clock: systemClock,
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
  ).catch(async (error: unknown) => {
    await started.stop(0);
    http.close();
    throw error;
  });
  const operator = await listen(
    createOperatorApp({
      registry: metrics.registry,
      version: packageVersion,
      delivery: {
        snapshot: () => router.snapshot(),
        resume: (region, appId) => router.resume(`${region}:${appId}`),
      },
      ...(durable && {
        stored: durable.backlog,
        log: durable.log,
        deadLetters: {
          letters: durable.deadLetters,
          connectionOf: (id) => connections.byId.get(id),
          clock: systemClock,
        },
      }),
      isStopping: () => isStopping,
    }),
    config.server.operatorPort,
    config.server.host,
  ).catch(async (error: unknown) => {
    data.destroy();
    void data.close();
    await started.stop(0);
    http.close();
    throw error;
  });
  await started.start().catch(async (error: unknown) => {
    data.destroy();
    operator.destroy();
    await Promise.all([data.close(), operator.close(), started.stop(0)]);
    http.close();
    throw error;
  });

  const stop = async (): Promise<number> => {
    const dataClosed = data.close();
    const remaining = await started.stop(config.server.shutdownMs);
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

/** Says what each lane had left, and returns how much that is. Of the events nothing is said. */
function logRemaining(remaining: readonly RemainingLane[], logger: Logger): number {
  for (const { lane, operations } of remaining) {
    const { region, appId } = lane;
    logger.warn({ region, appId, operations }, 'not delivered; the senders were told to send them again');
  }
  return remaining.reduce((sum, { operations }) => sum + operations, 0);
}
