import type { HeapConnection, Region } from '../destinations/heap/connection.js';

/** One connection and the key that its source authenticates with. */
export interface ConfiguredConnection {
  readonly writeKey: string;
  readonly connection: HeapConnection;
}

/** Everything the service can be told, with nothing left open. Frozen once it is put together. */
export interface ServiceConfig {
  readonly connections: readonly ConfiguredConnection[];
  readonly server: ServerConfig;
  readonly batching: BatchingConfig;
  readonly delivery: DeliveryConfig;
  /** Base URLs of Heap's API per region. */
  readonly heapUrls: Readonly<Record<Region, string>>;
}

export interface ServerConfig {
  readonly port: number;
  readonly operatorPort: number;
  readonly host: string;
  readonly maxBodyBytes: number;
  readonly maxEventLength: number;
  readonly maxEvents: number;
  readonly answerTimeoutMs: number;
  readonly shutdownMs: number;
}

export interface BatchingConfig {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
}

export interface DeliveryConfig {
  readonly requestTimeoutMs: number;
  readonly connectTimeoutMs: number;
  readonly maxSockets: number;
  readonly concurrency: number;
  readonly baseBackOffMs: number;
  readonly maxBackOffMs: number;
  readonly maxRetryAfterMs: number;
  readonly haltedRetryMs: number;
  readonly maxAgeMs: number;
  readonly maxBacklog: number;
  readonly maxBacklogBytes: number;
}

export const defaultServerConfig: ServerConfig = {
  port: 9090,
  operatorPort: 9091,
  host: '0.0.0.0',
  // RudderStack's gateway takes 4 MB, Segment 500 KB: whatever an SDK or a CDP sends fits.
  maxBodyBytes: 10 * 1024 * 1024,
  // Braze sends single events of up to 900 KB.
  maxEventLength: 1024 * 1024,
  // Segment takes 2,500 in a batch, rudder-server sends 100.
  maxEvents: 10_000,
  // Below the 10 s after which the Node SDKs of Segment and RudderStack give a request up.
  answerTimeoutMs: 8_000,
  // Kubernetes kills 30 s after SIGTERM.
  shutdownMs: 20_000,
};

export const defaultBatchingConfig: BatchingConfig = {
  maxItems: 1_000,
  // Heap publishes no limit; 4 MiB is what comparable ingestion APIs take.
  maxBytes: 4 * 1024 * 1024,
  // The sender waits for its answer meanwhile.
  lingerMs: 250,
};

export const defaultDeliveryConfig: DeliveryConfig = {
  requestTimeoutMs: 30_000,
  connectTimeoutMs: 5_000,
  maxSockets: 64,
  concurrency: 8,
  baseBackOffMs: 500,
  maxBackOffMs: 60_000,
  maxRetryAfterMs: 300_000,
  haltedRetryMs: 60_000,
  maxAgeMs: 7 * 24 * 3_600_000,
  maxBacklog: 200_000,
  maxBacklogBytes: 256 * 1024 * 1024,
};
