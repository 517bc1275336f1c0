import { destination, pino } from 'pino';

import { readTransformerConfig } from '../../service/read-transformer-config.js';
import { startTransformer } from '../../service/start-transformer.js';
import { exitCodes } from '../exit-codes.js';
import { logLevel } from '../log-level.js';
import { tell } from '../output.js';

/** Runs the RudderStack transformer until a signal ends it. */
export async function transformer(): Promise<void> {
  const logger = pino({ level: logLevel(process.env.LOG_LEVEL), base: null }, destination({ sync: true }));
  const read = readTransformerConfig(process.env);
  if (!read.ok) {
    tell(`The environment has ${read.faults.length} fault${read.faults.length === 1 ? '' : 's'}:`);
    for (const fault of read.faults) tell(`  ${fault}`);
    process.exitCode = exitCodes.usage;
    return;
  }
  const service = await startTransformer(read.config, logger).catch((error: unknown) => {
    tell(`Can't start: ${error instanceof Error ? error.message : String(error)}`);
    return undefined;
  });
  if (service === undefined) {
    process.exitCode = exitCodes.usage;
    return;
  }
  const stop = async (signal: NodeJS.Signals): Promise<void> => {
    logger.info({ event: 'stopping', signal }, 'no new requests are taken; answering what is there');
    await service.stop();
    logger.info({ event: 'stopped' }, 'stopped');
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop(signal));
  const { dataUrl, operatorUrl } = service;
  const { coalesceMs, upstreamUrl } = read.config;
  const upstream = upstreamUrl === undefined ? undefined : new URL(upstreamUrl).origin;
  logger.info({ event: 'listening', dataUrl, operatorUrl, upstream, coalesceMs }, 'transforming for RudderStack');
}
