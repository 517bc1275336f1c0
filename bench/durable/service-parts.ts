import { systemClock } from '../../src/core/clock.js';
import type { DeliveryRouter } from '../../src/core/delivery/delivery-router.js';
import { createHttpSender } from '../../src/core/delivery/http-sender.js';
import type { Intake, IntakeObserver } from '../../src/core/intake.js';
import { createMetrics } from '../../src/core/metrics/metrics.js';
import { operationKinds } from '../../src/destinations/heap/operation-kind.js';
import { createDataApp } from '../../src/http/data-app.js';
import { combineObservers } from '../../src/service/combine-observers.js';
import { compileConnections, type CompiledConnections } from '../../src/service/compile-connections.js';
import { createRouter } from '../../src/service/create-router.js';
import { listen } from '../../src/service/listen.js';
import { loggingObserver, type Logger } from '../../src/service/logging-observer.js';
import { readConfigFile } from '../../src/service/read-config.js';
import type { ServiceConfig } from '../../src/service/service-config.js';
import { startIntake, type StartedIntake } from '../../src/service/start-intake.js';

/** What `serve` is made of, for contenders that leave some of it out. */
export interface ServiceParts {
  readonly config: ServiceConfig;
  readonly router: DeliveryRouter;
  readonly connections: CompiledConnections;
  /** The metrics' own, and what the contender wants to hear. */
  readonly observer: IntakeObserver;
  /** The intake that the environment asks for (DATA_DIR, DATABASE_URL). It delivers nothing until it is started. */
  startIntake(): Promise<StartedIntake>;
  /** Opens the data port in front of an intake. */
  openDoor(intake: Intake, port: number): Promise<void>;
}

const ignore = (): undefined => undefined;
const report = (...details: readonly unknown[]): void => {
  process.stderr.write(
    `${JSON.stringify(details, (_key, value: unknown) => (value instanceof Error ? value.stack : value))}\n`,
  );
};
const quietLogger: Logger = { debug: ignore, info: ignore, warn: report, error: report };

/** @param onOutcome hears of each event that is settled. */
export function serviceParts(configFile: string, onOutcome: IntakeObserver['onOutcome']): ServiceParts {
  const read = readConfigFile(configFile, process.env);
  if (!read.ok) throw new Error(read.faults.join('\n'));
  const { config } = read;
  const { requestTimeoutMs, connectTimeoutMs, maxSockets, adaptiveConcurrency } = config.delivery;
  const http = createHttpSender({
    ...{ userAgent: 'heap-destination/bench', requestTimeoutMs, connectTimeoutMs },
    maxSockets: maxSockets + adaptiveConcurrency.min,
  });
  const created = createMetrics({ version: 'bench', kinds: operationKinds, delivery: () => router.snapshot() });
  const observer: IntakeObserver = {
    ...created.intake,
    onFault: report,
    onOutcome: (outcome, reason) => {
      created.intake.onOutcome(outcome, reason);
      onOutcome(outcome, reason);
    },
  };
  const metrics = { ...created, intake: observer };
  const router = createRouter(
    config,
    http,
    combineObservers(
      metrics.delivery,
      loggingObserver(quietLogger, () => systemClock.monotonic()),
    ),
  );
  const connections = compileConnections(config);
  return {
    ...{ config, router, connections, observer },
    startIntake: () =>
      startIntake({ config, router, connections: connections.byId, metrics, logger: quietLogger, onBroken: report }),
    openDoor: async (intake, port) => {
      const app = createDataApp({
        connectionFor: (writeKey) => connections.forWriteKey(writeKey),
        intake,
        clock: systemClock,
        maxBodyBytes: config.server.maxBodyBytes,
        maxEvents: config.server.maxEvents,
        isStopping: () => false,
        onRefused: ignore,
        onRequest: (route, status, seconds) => {
          metrics.onHttpRequest(route, status, seconds);
        },
        onError: report,
      });
      await listen(app, port, config.server.host);
    },
  };
}
