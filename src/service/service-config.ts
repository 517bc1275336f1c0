import type { HeapConnection, Region } from '../destinations/heap/connection.js';
import type { WebhookSetting } from '../sources/webhook/webhook-setting.js';
import type { DeliveryConfig } from './delivery-config.js';
import type { StoreConfig } from './store-config.js';

/** One connection and the key that its source authenticates with. */
export interface ConfiguredConnection {
  readonly writeKey: string;
  readonly connection: HeapConnection;
  /** How its webhook door knows the sender; without one there is no door. */
  readonly webhook?: WebhookSetting;
}

/** Everything the service can be told, with nothing left open. Frozen once it is put together. */
export interface ServiceConfig {
  readonly connections: readonly ConfiguredConnection[];
  readonly server: ServerConfig;
  readonly batching: BatchingConfig;
  readonly delivery: DeliveryConfig;
  readonly store: StoreConfig;
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
  /** Origins whose pages may read the answers; `*` is any. */
  readonly allowedOrigins: readonly string[];
  readonly answerTimeoutMs: number;
  readonly shutdownMs: number;
}

export interface BatchingConfig {
  readonly maxItems: number;
  readonly maxBytes: number;
  readonly lingerMs: number;
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
  // SDKs run in pages of any origin, and the write key in them is no secret.
  allowedOrigins: ['*'],
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
