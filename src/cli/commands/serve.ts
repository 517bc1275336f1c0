import { Command } from 'commander';

import type { ServeOptions } from '../actions/serve.js';

export function serveCommand(): Command {
  return new Command('serve')
    .description('Serve: take events on the data port, deliver them to Heap.')
    .option('-c, --config <file>', 'configuration file (or HEAP_DESTINATION_CONFIG)')
    .option('--allow-volatile', 'store nothing: an answer waits for Heap, and the sender keeps what is not answered')
    .option('--sandbox', 'deliver to a simulator of Heap in this process')
    .addHelpText(
      'after',
      `
Without a configuration it runs in a sandbox: everything goes to a simulator of Heap in this process. Where
NODE_ENV is production it refuses to, unless asked with --sandbox: a forgotten configuration must not look healthy.

Environment:
  PORT, METRICS_PORT                 data port (9090), operator port (9091)
  DATA_DIR                           where events wait (heap-destination-data; to be given in production)
  DATABASE_URL                       PostgreSQL instead, for several replicas
  ALLOW_VOLATILE=1                   the same as --allow-volatile
  HEAP_DESTINATION_CONFIG            the configuration file
  HEAP_APP_ID, WRITE_KEY, HEAP_REGION  one connection without a file
  HEAP_API_URL_US, HEAP_API_URL_EU   other base URLs for Heap's API
  LOG_LEVEL                          debug, info (default), warn, error

Examples:
  $ heap-destination serve
  $ heap-destination serve --config heap-destination.yaml
  $ HEAP_APP_ID=9000000101 WRITE_KEY=secret HEAP_REGION=eu heap-destination serve`,
    )
    .action(async (options: ServeOptions) => {
      const { serve } = await import('../actions/serve.js');
      await serve(options);
    });
}
