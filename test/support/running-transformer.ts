import type { Json } from '../../src/core/json/json.js';
import { heapBaseUrls } from '../../src/destinations/heap/endpoints.js';
import { startTransformer, type RunningTransformer } from '../../src/service/start-transformer.js';
import { defaultTransformerConfig, type TransformerConfig } from '../../src/service/transformer-config.js';
import { parseExposition } from './documentation.js';
import { ask, type HttpAnswer } from './http-client.js';
import type { LogEntry } from './running-service.js';

export type JsonAnswer = HttpAnswer & { readonly json: Json };

export interface RunningTestTransformer {
  readonly service: RunningTransformer;
  readonly dataUrl: string;
  readonly operatorUrl: string;
  readonly log: readonly LogEntry[];
  /** Posts to the data port; a body that is a text or bytes goes as it is. */
  readonly post: (path: string, body: unknown, headers?: Readonly<Record<string, string>>) => Promise<JsonAnswer>;
  readonly get: (path: string) => Promise<HttpAnswer>;
  /** The samples of the operator port, by name and labels as they are written. */
  readonly samples: () => Promise<ReadonlyMap<string, number>>;
  /** Resolves when the sum of a metric is this: a state, not a time. */
  readonly until: (metric: string, value: number) => Promise<void>;
  /** Resolves when so many requests are being answered. */
  readonly untilConcurrent: (requests: number) => Promise<void>;
  /** Abandons what a test has left open. */
  readonly stop: () => Promise<void>;
}

/** The RudderStack transformer on free ports of this machine, with its defaults but for `config`. */
export async function runTransformer(config: Partial<TransformerConfig> = {}): Promise<RunningTestTransformer> {
  const log: LogEntry[] = [];
  const writeLog =
    (level: LogEntry['level']) =>
    (fields: unknown, message?: string): void => {
      log.push({ level, fields, message });
    };
  const service = await startTransformer(
    {
      ...defaultTransformerConfig,
      heapUrls: heapBaseUrls,
      port: 0,
      operatorPort: 0,
      host: '127.0.0.1',
      shutdownMs: 5_000,
      ...config,
    },
    { debug: writeLog('debug'), info: writeLog('info'), warn: writeLog('warn'), error: writeLog('error') },
  );
  const { dataUrl, operatorUrl } = service;
  const samples = async (): Promise<ReadonlyMap<string, number>> =>
    parseExposition((await ask(`${operatorUrl}/metrics`)).text).samples;
  const until = async (metric: string, value: number): Promise<void> => {
    while (sampleOf(await samples(), metric) !== value);
  };
  return {
    service,
    dataUrl,
    operatorUrl,
    log,
    post: async (path, body, headers = {}) => {
      const isRaw = typeof body === 'string' || body instanceof Uint8Array;
      const answer = await ask(`${dataUrl}${path}`, {
        method: 'POST',
        headers: { 'content-type': 'application/json; charset=utf-8', ...headers },
        body: isRaw ? body : JSON.stringify(body),
      });
      return { ...answer, json: jsonOf(answer.text) };
    },
    get: (path) => ask(`${dataUrl}${path}`),
    samples,
    until,
    untilConcurrent: (requests) => until('transformer_http_concurrent_requests', requests),
    stop: async () => {
      const stopping = service.stop();
      // The second call is impatient.
      await service.stop();
      await stopping;
    },
  };
}

/** The sum of all samples of a metric whose labels have these values; 0 where there is none. */
export function sampleOf(
  samples: ReadonlyMap<string, number>,
  name: string,
  labels: Readonly<Record<string, string | number>> = {},
): number {
  let sum = 0;
  for (const [sample, value] of samples) {
    const isWanted = Object.entries(labels).every(([label, text]) => sample.includes(`${label}="${text}"`));
    if (sample.split('{')[0] === name && isWanted) sum += value;
  }
  return sum;
}

function jsonOf(text: string): Json {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return null;
  }
}
