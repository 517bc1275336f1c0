import { systemClock } from '../core/clock.js';
import type { CompiledConnection } from '../core/compiled-connection.js';
import type { DeliveryRouter, RemainingLane } from '../core/delivery/delivery-router.js';
import { DeliveryLog } from '../core/durable/delivery-log.js';
import { DurableIntake } from '../core/durable/durable-intake.js';
import { synchronousIntake, type Intake, type IntakeObserver } from '../core/intake.js';
import { addStoreMetrics } from '../core/metrics/store-metrics.js';
import type { Metrics } from '../core/metrics/metrics.js';
import type { StoreBroken } from '../core/store/store-broken.js';
import type { DeadLetters } from '../core/store/store.js';
import { laneTarget } from '../destinations/heap/compile-connection.js';
import type { Region } from '../destinations/heap/connection.js';
import { heapRateLimits } from '../destinations/heap/rate-limits.js';
import { durableLogging } from './durable-logging.js';
import type { Logger } from './logging-observer.js';
import { openStore } from './open-store.js';
import type { ServiceConfig } from './service-config.js';

export interface StartIntakeOptions {
  readonly config: ServiceConfig;
  readonly router: DeliveryRouter;
  readonly connections: ReadonlyMap<string, CompiledConnection>;
  readonly metrics: Metrics;
  readonly logger: Logger;
  readonly onBroken: (error: StoreBroken) => void;
}

/** What there is beside the intake when events are stored. */
export interface Durable {
  readonly deadLetters: DeadLetters;
  readonly log: DeliveryLog;
  /** What waits in the store, as it was lately. */
  readonly backlog: { readonly events: number; readonly bytes: number };
}

export interface StartedIntake {
  readonly intake: Intake;
  readonly durable?: Durable;
  /** Begins to deliver; to be called when everything else is ready. */
  start(): Promise<void>;
  /**
   * Takes nothing more, and brings to an end what was begun.
   *
   * @returns operations that only their senders have now.
   */
  stop(deadlineMs: number): Promise<readonly RemainingLane[]>;
}

/** What stands behind the doors, as the configuration wants it. */
export async function startIntake(options: StartIntakeOptions): Promise<StartedIntake> {
  const { config, router, metrics, logger } = options;
  const observer: IntakeObserver = {
    ...metrics.intake,
    onFault: (error) => {
      logger.error({ err: error }, 'an event met a fault of this service');
    },
  };
  const { place } = config.store;
  if (place.type !== 'none') return startDurableIntake(options, place, observer);
  logger.warn(
    { event: 'volatile' },
    'nothing is stored: an answer waits for Heap, and senders keep what is not answered',
  );
  const { answerTimeoutMs, maxEventLength } = config.server;
  return {
    intake: synchronousIntake({ router, clock: systemClock, observer, answerTimeoutMs, maxEventLength }),
    start: () => Promise.resolve(),
    stop: (deadlineMs) => router.close(deadlineMs),
  };
}

async function startDurableIntake(
  { config, router, connections, metrics, logger, onBroken }: StartIntakeOptions,
  place: Parameters<typeof openStore>[0],
  intakeObserver: IntakeObserver,
): Promise<StartedIntake> {
  const { store: storeConfig, server, delivery } = config;
  const openedAt = systemClock.monotonic();
  const store = await openStore(place, {
    config: storeConfig,
    requestMs: delivery.requestTimeoutMs,
    clock: systemClock,
    logger,
    onBroken,
    onLettersRemoved: (letters) => {
      counted.onLettersRemoved(letters);
    },
  });
  const log = new DeliveryLog(storeConfig.deliveryLog, () => systemClock.now());
  const counted = addStoreMetrics(
    () => ({
      events: intake.backlog.events,
      bytes: intake.backlog.bytes,
      oldestAgeSeconds:
        intake.backlog.oldestAt === undefined ? 0 : Math.max(0, systemClock.now() - intake.backlog.oldestAt) / 1000,
      lanes: intake.lanes,
      letters: intake.backlog.letters.letters,
      letterBytes: intake.backlog.letters.bytes,
    }),
    metrics.registry,
  );
  const told = durableLogging(logger, () => systemClock.monotonic());
  const intake = new DurableIntake({
    store,
    router,
    connectionOf: (id) => connections.get(id),
    laneOf,
    clock: systemClock,
    observer: { ...intakeObserver, ...combine(counted.observer, told) },
    log,
    rateLimits: heapRateLimits(delivery.rateLimits),
    bounds: storeConfig,
    maxEventLength: server.maxEventLength,
    maxCountedAgeMs: delivery.maxAgeMs - Math.min(leastTryingMs, delivery.maxAgeMs / 2),
    maxArrivingBytes: storeConfig.maxArrivingBytes,
    rememberedIds: storeConfig.rememberedIds,
    storesIds: storeConfig.durableIdsMs > 0,
  });
  return {
    intake,
    durable: { deadLetters: intake.deadLetters, log, backlog: intake.backlog },
    start: async () => {
      await intake.start();
      const { events, bytes, letters } = intake.backlog;
      const ms = Math.round(systemClock.monotonic() - openedAt);
      logger.info(
        { event: 'store', store: place.type, queued: events, bytes, deadLetters: letters.letters, ms },
        'the store is open',
      );
    },
    stop: async (deadlineMs) => {
      await intake.stop(deadlineMs);
      const patience = new AbortController();
      // A database that hangs is not waited for; what it was asked, it has done or not.
      await Promise.race([store.close(), systemClock.sleep(closeMs, patience.signal)]);
      patience.abort();
      return [];
    },
  };
}

/** How long each event is tried by whoever sends a lane anew, however old it is. */
const leastTryingMs = 3_600_000;
const closeMs = 2_000;

/** `us:9000000101` */
function laneOf(key: string): ReturnType<typeof laneTarget> {
  const [region = '', appId = ''] = key.split(':');
  return laneTarget(region as Region, appId);
}

type StoreObserver = ReturnType<typeof durableLogging>;

function combine(one: StoreObserver, other: StoreObserver): StoreObserver {
  return {
    onStored: (...args) => {
      one.onStored(...args);
    },
    onRepeats: (...args) => {
      one.onRepeats(...args);
    },
    onClaimed: (...args) => {
      one.onClaimed(...args);
      other.onClaimed(...args);
    },
    onReleased: (...args) => {
      one.onReleased(...args);
      other.onReleased(...args);
    },
    onStoreTrouble: (...args) => {
      one.onStoreTrouble(...args);
      other.onStoreTrouble(...args);
    },
    onLaneStopped: (...args) => {
      one.onLaneStopped(...args);
      other.onLaneStopped(...args);
    },
  };
}
