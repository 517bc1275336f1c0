import { documentedLimits, type Limits } from './limits.js';

/** How a simulator behaves; every value has a default that is Heap's documented behaviour. */
export interface SimulatorOptions {
  /** Seeds all randomness: fault probabilities and latencies, tokens, ids. */
  readonly seed: number;
  readonly limits: Limits;
  /** The form of `Retry-After` on a 429. Heap documents no such header. */
  readonly retryAfter: 'seconds' | 'date' | 'none';
  /** Larger bodies, before or after unzipping, are answered 413. Heap publishes no figure. */
  readonly maxBodyBytes: number;
  /** Events kept whole per app_id; the others are only counted. */
  readonly keepEvents: number;
  /** Idempotency keys that are surely remembered per app_id. */
  readonly keepIdempotencyKeys: number;
  /** API keys of the deletion API by app_id; when absent, `test-api-key` serves every app_id. */
  readonly apiKeys: Readonly<Record<string, string>> | undefined;
  /** Other environments of an app_id's account: a deletion clears them as well. */
  readonly environments: Readonly<Record<string, readonly string[]>>;
  /** How long a deletion stays pending. Heap takes hours. */
  readonly deletionDelayMs: number;
}

/** What a caller may set; `limits` merges into the documented ones. */
export type PartialSimulatorOptions = Partial<Omit<SimulatorOptions, 'limits'>> & {
  readonly limits?: Partial<Limits>;
};

export const defaultApiKey = 'test-api-key';

export function simulatorOptions({ limits, ...options }: PartialSimulatorOptions = {}): SimulatorOptions {
  return {
    seed: 1,
    retryAfter: 'seconds',
    maxBodyBytes: 32 * 1024 * 1024,
    keepEvents: 200_000,
    keepIdempotencyKeys: 1_000_000,
    apiKeys: undefined,
    environments: {},
    deletionDelayMs: 1000,
    ...options,
    limits: { ...documentedLimits, ...limits },
  };
}
