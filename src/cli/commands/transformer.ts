import { Command } from 'commander';
import { destination, pino } from 'pino';

import { readTransformerConfig } from '../../service/read-transformer-config.js';
import { startTransformer } from '../../service/start-transformer.js';
import { exitCodes } from '../exit-codes.js';
import { logLevel } from '../log-level.js';
import { tell } from '../output.js';

export function transformerCommand(): Command {
  return new Command('transformer')
    .description('Transform for RudderStack: the transformer that rudder-server calls for Heap destinations.')
    .addHelpText(
      'after',
      `
Speaks rudder-transformer's protocol: point rudder-server's DEST_TRANSFORM_URL here. It keeps nothing and needs no
configuration: destinations come with the requests.

Environment:
  PORT, METRICS_PORT                 data port (9090), operator port (9091); HOST, the address (0.0.0.0)
  UPSTREAM_TRANSFORMER_URL           the transformer for all other destinations; what is not Heap's goes there
  PROXY_COALESCE_MS                  delivery proxy: how long calls wait for each other to share a request (0: not)
  DELIVERY_ALLOWED_HOSTS             delivery proxy: hosts besides Heap's, host or host:port, joined by commas
  REQUEST_TIMEOUT_IN_MS              delivery proxy: time for a call where rudder-server names none (60000)
  HEAP_API_KEYS                      user deletion: app_id:key, joined by commas, where Config has no apiKey
  DELETION_WAIT_MS                   user deletion: wait for Heap before the worker has to ask again (20000)
  HEAP_API_URL_US, HEAP_API_URL_EU   other base URLs for Heap's API
  MAX_BATCH_ITEMS, MAX_BATCH_BYTES   bulk requests of the router's transform (1000, 4194304)
  MAX_BODY_BYTES                     longest body (134217728)
  MAX_CONCURRENT_REQUESTS, MAX_BODY_BYTES_IN_FLIGHT, MAX_HEAP_USED_PERCENT
                                     above these, requests are told to come back (1000, 268435456, 80)
  REQUEST_TIMEOUT_MS                 time for a client to send a whole request (60000)
  INSTANCE_ID                        the label instanceName of the transformer_* metrics (localhost)
  LOG_LEVEL                          debug, info (default), warn, error

Examples:
  $ heap-destination transformer
  $ UPSTREAM_TRANSFORMER_URL=http://rudder-transformer:9090 heap-destination transformer`,
    )
    .action(transformer);
}

async function transformer(): Promise<void> {
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
