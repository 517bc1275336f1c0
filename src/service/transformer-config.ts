import type { Region } from '../destinations/heap/connection.js';
import { defaultBatchingConfig } from './service-config.js';

/** Everything the RudderStack transformer can be told; all of it comes from the environment. */
export interface TransformerConfig {
  readonly port: number;
  readonly operatorPort: number;
  readonly host: string;
  /** Base URLs of Heap's API per region. */
  readonly heapUrls: Readonly<Record<Region, string>>;
  /** The transformer of all other destinations. */
  readonly upstreamUrl: string | undefined;
  /** How long proxy calls wait for each other; 0 for not at all. */
  readonly coalesceMs: number;
  /** Hosts besides Heap's that the proxy may send to. */
  readonly allowedHosts: readonly string[];
  readonly maxBodyBytes: number;
  /** A client gets this long to send a whole request. */
  readonly requestTimeoutMs: number;
  readonly maxConcurrentRequests: number;
  readonly maxBodyBytesInFlight: number;
  /** Share of the heap limit, 0 to 1, above which requests are told to come back. */
  readonly maxHeapUsedRatio: number;
  /** The time a proxy call has where rudder-server names none. */
  readonly proxyTimeoutMs: number;
  readonly maxSockets: number;
  readonly maxBatchItems: number;
  readonly maxBatchBytes: number;
  /** How long a user deletion waits for Heap before the worker is told to ask again. */
  readonly deletionWaitMs: number;
  /** API keys for user deletions by app_id, where the destination's own `Config` has none. */
  readonly apiKeys: ReadonlyMap<string, string>;
  readonly shutdownMs: number;
  /** The label that tells this process from others in the metrics. */
  readonly instanceName: string;
  readonly buildVersion: string | undefined;
  readonly gitCommitSha: string | undefined;
}

const megabyte = 1024 * 1024;

export const defaultTransformerConfig: Omit<TransformerConfig, 'heapUrls'> = {
  port: 9090,
  operatorPort: 9091,
  host: '0.0.0.0',
  upstreamUrl: undefined,
  coalesceMs: 0,
  allowedHosts: [],
  // Just below the 200 MB that rudder-transformer takes; up to 100 events of mostly 2 KB are what is sent.
  maxBodyBytes: 190 * megabyte,
  requestTimeoutMs: 60_000,
  // rudder-server opens up to 100 connections to a host.
  maxConcurrentRequests: 1_000,
  maxBodyBytesInFlight: 256 * megabyte,
  maxHeapUsedRatio: 0.8,
  // rudder-transformer's own.
  proxyTimeoutMs: 60_000,
  maxSockets: 64,
  maxBatchItems: defaultBatchingConfig.maxItems,
  maxBatchBytes: defaultBatchingConfig.maxBytes,
  deletionWaitMs: 20_000,
  apiKeys: new Map(),
  // Kubernetes kills 30 s after SIGTERM.
  shutdownMs: 25_000,
  instanceName: 'localhost',
  buildVersion: undefined,
  gitCommitSha: undefined,
};
