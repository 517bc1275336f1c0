import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { destination, pino } from 'pino';

import { StoreUnavailable } from '../../core/store/store-unavailable.js';
import { startSimulator } from '../../destinations/heap/simulator/start-simulator.js';
import {
  configFromEnvironment,
  readConfigFile,
  sandboxAppId,
  sandboxConfig,
  sandboxWriteKey,
  type ConfigResult,
  type Environment,
} from '../../service/read-config.js';
import type { ServiceConfig } from '../../service/service-config.js';
import { startService } from '../../service/start-service.js';
import { unlessEmpty } from '../environment.js';
import { exitCodes } from '../exit-codes.js';
import { logLevel } from '../log-level.js';
import { tell } from '../output.js';

export interface ServeOptions {
  readonly sandbox?: true;
  readonly config?: string;
  readonly allowVolatile?: true;
}

/** Runs the service until a signal ends it. */
export async function serve(options: ServeOptions): Promise<void> {
  const env = options.allowVolatile === true ? { ...process.env, ALLOW_VOLATILE: '1' } : process.env;
  const logger = pino({ level: logLevel(env.LOG_LEVEL), base: null }, destination({ sync: true }));
  const file = options.config ?? unlessEmpty(env.HEAP_DESTINATION_CONFIG);
  const isConfigured = file !== undefined || [env.HEAP_APP_ID, env.WRITE_KEY].some((text) => unlessEmpty(text));
  const isSandbox = options.sandbox === true || !isConfigured;
  if (isSandbox && options.sandbox !== true && env.NODE_ENV === 'production') {
    tell('There is no configuration. Give --config FILE, or HEAP_APP_ID and WRITE_KEY, or ask for the --sandbox.');
    process.exitCode = exitCodes.usage;
    return;
  }
  const simulator = isSandbox ? await startSimulator() : undefined;
  const read = simulator === undefined ? readConfiguration(file, env) : sandbox(simulator.url, env);
  if (!read.ok) {
    tell(`The configuration has ${read.faults.length} fault${read.faults.length === 1 ? '' : 's'}:`);
    for (const fault of read.faults) tell(`  ${fault}`);
    await simulator?.close();
    process.exitCode = exitCodes.usage;
    return;
  }
  const service = await startService(read.config, logger, () => {
    // What is not confirmed, its senders keep; what is, the next start finds.
    process.exit(exitCodes.rejected);
  }).catch((error: unknown) => {
    tell(`Can't start: ${error instanceof Error ? error.message : String(error)}`);
    // A database that is away is nobody's wrong configuration: whoever started this may try again.
    process.exitCode = error instanceof StoreUnavailable ? exitCodes.rejected : exitCodes.usage;
    return undefined;
  });
  if (service === undefined) {
    await simulator?.close();
    return;
  }
  let stoppingSince: number | undefined;
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    if (stoppingSince !== undefined) {
      // Ctrl-C under npm arrives twice, from the terminal and from npm: only a later one is meant.
      if (signal === 'SIGINT' && performance.now() - stoppingSince < 1_000) return;
      logger.warn({ event: 'abandoning', signal }, 'stopping at once; the senders keep what is not delivered');
      await service.stop();
      return;
    }
    stoppingSince = performance.now();
    const isStored = read.config.store.place.type !== 'none';
    logger.info(
      { event: 'stopping', signal },
      isStored
        ? 'no new requests are taken; what is in flight is waited for'
        : 'no new requests are taken; delivering what is there',
    );
    const remaining = await service.stop();
    await simulator?.close();
    const rest = isStored ? 'what is not delivered stays in the store' : 'all delivered';
    logger.info({ event: 'stopped', remaining }, remaining === 0 ? rest : 'the senders keep the rest');
    process.exitCode = remaining === 0 ? exitCodes.ok : exitCodes.rejected;
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));

  const { dataUrl, operatorUrl } = service;
  const mode = isSandbox ? 'sandbox' : 'live';
  const connections = read.config.connections.map(({ connection: { id, appId, region } }) => ({ id, appId, region }));
  logger.info(
    { event: 'listening', mode, dataUrl, operatorUrl, connections, heap: origins(read.config.heapUrls) },
    'serving',
  );
  if (simulator !== undefined) {
    logger.warn(
      { simulatorUrl: simulator.url, writeKey: sandboxWriteKey, appId: sandboxAppId },
      'SANDBOX: no event reaches Heap',
    );
    if (process.stdout.isTTY) tell(sandboxBanner(dataUrl, operatorUrl, simulator.url));
  }
}

/** Without a user and a password that a URL may hold. */
function origins(urls: ServiceConfig['heapUrls']): object {
  return { us: new URL(urls.us).origin, eu: new URL(urls.eu).origin };
}

function readConfiguration(file: string | undefined, env: Environment): ConfigResult {
  return file === undefined ? configFromEnvironment(env) : readConfigFile(file, env);
}

/** What is played with is gone with the process, unless somebody says where to keep it. */
function sandbox(simulatorUrl: string, env: Environment): ConfigResult {
  const isPlaced = [env.DATA_DIR, env.DATABASE_URL, env.ALLOW_VOLATILE].some((text) => unlessEmpty(text));
  if (isPlaced) return sandboxConfig(simulatorUrl, env);
  const folder = mkdtempSync(join(tmpdir(), 'heap-destination-sandbox-'));
  process.once('exit', () => {
    rmSync(folder, { recursive: true, force: true });
  });
  return sandboxConfig(simulatorUrl, { ...env, DATA_DIR: folder });
}

function sandboxBanner(dataUrl: string, operatorUrl: string, simulatorUrl: string): string {
  return `
  SANDBOX: events go to a simulator of Heap in this process, not to Heap.

  Send one:        curl -u ${sandboxWriteKey}: -d '{"userId":"ann@example.com","event":"Hello"}' ${dataUrl}/v1/track
  See it arrive:   curl '${simulatorUrl}/_simulator/events?app_id=${sandboxAppId}'
  Metrics, health: ${operatorUrl}/metrics  ${operatorUrl}/health  ${operatorUrl}/lanes

  For real:        HEAP_APP_ID=<environment id> WRITE_KEY=<a secret> npm start
`;
}
