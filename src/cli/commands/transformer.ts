import { Command } from 'commander';

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
  MAX_BODY_BYTES                     longest body (199229440)
  MAX_CONCURRENT_REQUESTS, MAX_BODY_BYTES_IN_FLIGHT, MAX_HEAP_USED_PERCENT
                                     above these, requests are told to come back (1000, 268435456, 80)
  REQUEST_TIMEOUT_MS                 time for a client to send a whole request (60000)
  MAX_SOCKETS                        connections to Heap, at most (64)
  SHUTDOWN_MS                        time for the last answers when it stops (25000)
  transformer_build_version, git_commit_sha
                                     what /buildVersion and /health tell
  INSTANCE_ID                        the label instanceName of the transformer_* metrics (localhost)
  LOG_LEVEL                          debug, info (default), warn, error, silent

Examples:
  $ heap-destination transformer
  $ UPSTREAM_TRANSFORMER_URL=http://rudder-transformer:9090 heap-destination transformer`,
    )
    .action(async () => {
      const { transformer } = await import('../actions/transformer.js');
      await transformer();
    });
}
