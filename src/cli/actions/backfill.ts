import type { BackfillCounts } from '../../service/backfill/backfill-counts.js';
import { sumOf } from '../../service/backfill/backfill-counts.js';
import { BackfillRefused } from '../../service/backfill/backfill-refused.js';
import { BackfillStopped } from '../../service/backfill/backfill-stopped.js';
import { chooseTarget, type BackfillWay } from '../../service/backfill/choose-target.js';
import { dryRun } from '../../service/backfill/dry-run.js';
import { runBackfill, type BackfillResult } from '../../service/backfill/run-backfill.js';
import { compileConnections } from '../../service/compile-connections.js';
import type { Logger } from '../../service/logging-observer.js';
import { configFromEnvironment, readConfigFile } from '../../service/read-config.js';
import type { ConfiguredConnection, ServiceConfig } from '../../service/service-config.js';
import { systemClock } from '../../core/clock.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import { backfillReport, dryRunReport } from '../backfill-report.js';
import { unlessEmpty } from '../environment.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';
import { showFileProgress } from '../show-file-progress.js';

export interface BackfillOptions {
  readonly config?: string;
  readonly connection?: string;
  readonly to: 'store' | 'heap';
  readonly door?: string;
  readonly dryRun?: true;
  readonly nowForMissingTimestamps?: true;
  readonly maxRejects: number;
  readonly maxWaiting?: number;
  readonly rejects?: string;
  readonly checkpoint?: string;
  readonly restart?: true;
  readonly json?: true;
}

/** Brings a file of history to where it shall go, and reports. */
export async function backfill(file: string, options: BackfillOptions): Promise<void> {
  const stopping = stopOnSignals();
  try {
    const config = readConfiguration(options);
    const configured = findConnection(config, options.connection);
    const connection = compileConnections(config).byId.get(configured.connection.id);
    if (connection === undefined) throw new BackfillRefused(`there is no connection ${configured.connection.id}`);
    process.exitCode =
      options.dryRun === true
        ? await map(file, options, config, connection, stopping)
        : await bring(file, options, config, configured, connection, stopping);
  } catch (error) {
    if (!(error instanceof BackfillRefused)) throw error;
    tell(error.message);
    process.exitCode = exitCodes.usage;
  }
}

async function bring(
  file: string,
  options: BackfillOptions,
  config: ServiceConfig,
  configured: ConfiguredConnection,
  connection: CompiledConnection,
  signal: AbortSignal,
): Promise<number> {
  const { checkpoint = `${file}.backfill.json`, rejects = `${file}.rejects.ndjson` } = options;
  if (new Set([file, checkpoint, rejects]).size < 3) {
    throw new BackfillRefused('the file, its checkpoint and its rejects must be three different files');
  }
  const way = wayOf(options, configured);
  const { destination, open } = chooseTarget({ config, connection, way, logger: noticeLogger, signal });
  if (configured.connection.preset === 'rudderstack') {
    tell('The preset rudderstack gives Heap no key to tell repeats by: what an interruption repeats counts twice.');
  }
  tell(`${file} to ${destination}`);
  const progress = showFileProgress(process.stderr);
  let result: BackfillResult;
  try {
    result = await runBackfill({
      ...{ file, checkpoint, rejects, connection, destination, openTarget: open, signal },
      restart: options.restart === true,
      takesMissingTimes: options.nowForMissingTimestamps === true,
      maxRejects: options.maxRejects === 0 ? Infinity : options.maxRejects,
      maxEventLength: config.server.maxEventLength,
      clock: systemClock,
      onProgress: (now) => {
        progress.update(now);
      },
    });
  } finally {
    progress.stop();
  }
  const report = { ...{ file, destination, rejects, checkpoint }, way: way.type, ...result };
  process.stdout.write(options.json === true ? `${JSON.stringify(report)}\n` : backfillReport(report));
  return result.outcome === 'stopped' || hasRejects(result.counts) ? exitCodes.rejected : exitCodes.ok;
}

async function map(
  file: string,
  options: BackfillOptions,
  config: ServiceConfig,
  connection: CompiledConnection,
  signal: AbortSignal,
): Promise<number> {
  const progress = showFileProgress(process.stderr);
  try {
    const report = await dryRun({
      ...{ file, connection, signal, batch: config.batching },
      maxEventLength: config.server.maxEventLength,
      takesMissingTimes: options.nowForMissingTimestamps === true,
      eventsPerMinute: config.delivery.rateLimits.eventsPerAppPerMinute,
      onProgress: (now) => {
        progress.update(now);
      },
    });
    progress.stop();
    process.stdout.write(
      options.json === true ? `${JSON.stringify({ file, ...report })}\n` : dryRunReport(file, report),
    );
    if (signal.aborted) tell('interrupted: the report is of a part of the file');
    return signal.aborted || hasRejects(report) ? exitCodes.rejected : exitCodes.ok;
  } catch (error) {
    progress.stop();
    if (!(error instanceof BackfillStopped)) throw error;
    tell(error.message);
    return exitCodes.rejected;
  }
}

function hasRejects({ rejected }: Pick<BackfillCounts, 'rejected'>): boolean {
  return sumOf(rejected) > 0;
}

function wayOf({ door, to, maxWaiting }: BackfillOptions, { writeKey }: ConfiguredConnection): BackfillWay {
  if (door !== undefined) return { type: 'door', url: door, writeKey };
  return to === 'heap' ? { type: 'heap' } : { type: 'store', maxWaiting };
}

function readConfiguration({ config, to, door, dryRun: isDry }: BackfillOptions): ServiceConfig {
  const file = config ?? unlessEmpty(process.env.HEAP_DESTINATION_CONFIG);
  // Where no store is used, none need be named, not even in production.
  const needsStore = to === 'store' && door === undefined && isDry !== true;
  const env = needsStore ? process.env : { ...process.env, NODE_ENV: undefined };
  const read = file === undefined ? configFromEnvironment(env) : readConfigFile(file, env);
  if (!read.ok) throw new BackfillRefused(read.faults.join('\n'));
  return read.config;
}

function findConnection({ connections }: ServiceConfig, id: string | undefined): ConfiguredConnection {
  const [only, ...others] = connections;
  const found = id === undefined ? only : connections.find(({ connection }) => connection.id === id);
  const ids = connections.map(({ connection }) => connection.id).join(', ');
  if (found === undefined) throw new BackfillRefused(`there is no connection "${id ?? ''}"; there is ${ids}`);
  if (id === undefined && others.length > 0) throw new BackfillRefused(`say which --connection: ${ids}`);
  return found;
}

/** Aborted by the first signal; a later one ends the process, and the next run repeats the last second at most. */
function stopOnSignals(): AbortSignal {
  const stopping = new AbortController();
  let since: number | undefined;
  for (const signal of ['SIGINT', 'SIGTERM'] as const) {
    process.on(signal, () => {
      if (since === undefined) {
        since = performance.now();
        tell('stopping: what is under way is waited for');
        stopping.abort();
      } else if (performance.now() - since > 1_000) {
        // Ctrl-C under npm arrives twice, from the terminal and from npm: only a later one is meant.
        process.exit(exitCodes.rejected);
      }
    });
  }
  return stopping.signal;
}

/** What a store has to say that a person should hear. */
const noticeLogger: Logger = {
  debug: () => undefined,
  info: () => undefined,
  warn: (_fields: unknown, message?: string) => {
    if (message !== undefined) tell(message);
  },
  error: (_fields: unknown, message?: string) => {
    if (message !== undefined) tell(message);
  },
};
