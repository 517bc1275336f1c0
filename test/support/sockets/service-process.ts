import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import type { LaneSnapshot } from '../../../src/core/delivery/lane-snapshot.js';
import type { LanesPage } from '../../../src/http/operator/lanes-page.js';
import { parseExposition } from '../documentation.js';
import { ask } from '../http-client.js';
import { startCli, type CliResult } from '../run-cli.js';
import { quickDelivery } from './quick-delivery.js';

/** The one connection's; its write key is `key`. */
export const appId = '9000000101';

export interface ServiceProcess {
  readonly dataUrl: string;
  readonly operatorUrl: string;
  readonly pid: number;
  kill(signal: NodeJS.Signals): void;
  /** The first line of the log with this message. */
  logged(message: string): Promise<unknown>;
  /** Events that were taken from requests. */
  received(): Promise<number>;
  lanes(): Promise<readonly LaneSnapshot[]>;
  /** Ends by itself once nothing is open any more: a socket or a timer that is left behind would keep it. */
  readonly ended: Promise<CliResult>;
}

/** What is not kept anywhere: an answer waits for Heap. */
const volatile = { ALLOW_VOLATILE: '1' };

/**
 * `serve` as a process of its own. It stops for `shutdownMs` at most, a minute.
 *
 * @param settings of the configuration, over those that are usual here.
 */
export async function startServiceProcess(
  heapUrl: string,
  environment: Readonly<Record<string, string>> = volatile,
  settings: object = {},
): Promise<ServiceProcess> {
  const folder = mkdtempSync(join(tmpdir(), 'service-process-'));
  const file = join(folder, 'service.yaml');
  const usual = {
    connections: [{ id: 'main', writeKey: 'key', appId }],
    server: { host: '127.0.0.1', port: 0, operatorPort: 0, answerTimeoutMs: 60_000, shutdownMs: 60_000 },
    batching: { maxItems: 20, lingerMs: 1 },
    delivery: quickDelivery,
  };
  // JSON is YAML.
  writeFileSync(file, JSON.stringify({ ...usual, ...settings }));
  const running = startCli(['serve', '--config', file], { env: { HEAP_API_URL_US: heapUrl, ...environment } });
  const serving = await running.logged('serving').finally(() => {
    rmSync(folder, { recursive: true });
  });
  const operatorUrl = String(serving.operatorUrl);
  // The answer comes after the line that says so, and so does what is set up behind it.
  await ask(`${operatorUrl}/health`);
  return {
    dataUrl: String(serving.dataUrl),
    operatorUrl,
    pid: running.pid,
    kill: (signal) => {
      running.kill(signal);
    },
    logged: (message) => running.logged(message),
    received: async () => {
      const { samples } = parseExposition((await ask(`${operatorUrl}/metrics`)).text);
      return samples.get('heap_destination_events_received_total{type="track"}') ?? 0;
    },
    lanes: async () => (JSON.parse((await ask(`${operatorUrl}/lanes`)).text) as LanesPage).lanes,
    ended: running.ended,
  };
}
