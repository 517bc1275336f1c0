import { defaultDeliveryLogBounds, type DeliveryLogBounds } from '../core/durable/delivery-log.js';

/** Where events wait. */
export type StorePlace =
  /** One process, one directory. */
  | { readonly type: 'lmdb'; readonly dataDir: string }
  /** Any number of processes. */
  | { readonly type: 'postgres'; readonly url: string }
  /** Nowhere: an answer waits for Heap, and the sender keeps what is not answered. */
  | { readonly type: 'none' };

/** The section `store` of the configuration, with nothing left open. */
export interface StoreConfig {
  readonly place: StorePlace;
  /** What may wait, in all lanes together and in each. */
  readonly maxEvents: number;
  readonly maxBytes: number;
  readonly maxEventsPerLane: number;
  readonly maxBytesPerLane: number;
  /** Bytes of events on their way to the disk; more are not taken in. */
  readonly maxArrivingBytes: number;
  /** Ids of events by which repeats are told, in memory. */
  readonly rememberedIds: number;
  /** How long ids are kept in the store to tell repeats durably; 0 for not at all. */
  readonly durableIdsMs: number;
  readonly deadLetters: DeadLettersConfig;
  readonly deliveryLog: DeliveryLogBounds;
  readonly postgres: PostgresConfig;
}

export interface DeadLettersConfig {
  readonly maxBytes: number;
  readonly maxAgeMs: number;
}

export interface PostgresConfig {
  /** Connections of one process. */
  readonly poolSize: number;
  /** How long a lane stays with a process that is not heard of; at least twice `delivery.requestTimeoutMs`. */
  readonly leaseMs: number;
  /** Whether LISTEN is used; a pooler in transaction mode has none. */
  readonly listen: boolean;
}

/** The section as somebody writes it. */
export interface StoreSettings extends Partial<
  Omit<StoreConfig, 'place' | 'deadLetters' | 'deliveryLog' | 'postgres'>
> {
  readonly dataDir?: string;
  readonly databaseUrl?: string;
  readonly deadLetters?: Partial<DeadLettersConfig>;
  readonly deliveryLog?: Partial<DeliveryLogBounds>;
  readonly postgres?: Partial<PostgresConfig>;
}

const gibibyte = 2 ** 30;

export const defaultStoreConfig: Omit<StoreConfig, 'place'> = Object.freeze({
  maxEvents: 50_000_000,
  // About a day of the most that Heap takes of one app (15,000 events a minute), at 700 bytes each.
  maxBytes: 16 * gibibyte,
  maxEventsPerLane: 25_000_000,
  // One lane that stands still leaves room for the others.
  maxBytesPerLane: 8 * gibibyte,
  maxArrivingBytes: 64 * 2 ** 20,
  rememberedIds: 100_000,
  durableIdsMs: 0,
  deadLetters: Object.freeze({ maxBytes: gibibyte, maxAgeMs: 30 * 24 * 3_600_000 }),
  deliveryLog: Object.freeze({ ...defaultDeliveryLogBounds, maxEvents: 20_000, maxBytes: 16 * 2 ** 20 }),
  postgres: Object.freeze({ poolSize: 10, leaseMs: 60_000, listen: true }),
});

/** Operations in memory at once, and their bytes, where everything else waits in a store. */
export const durableBacklog = Object.freeze({
  maxBacklog: 20_000,
  maxBacklogBytes: 24 * 2 ** 20,
  maxInFlightBytes: 16 * 2 ** 20,
});

/** Lays what is given over the defaults. Nothing is checked here. */
export function completeStore(place: StorePlace, given: StoreSettings = {}): StoreConfig {
  const { dataDir: _dataDir, databaseUrl: _databaseUrl, deadLetters, deliveryLog, postgres, ...rest } = given;
  const defaults = defaultStoreConfig;
  return Object.freeze({
    ...defaults,
    ...rest,
    place,
    deadLetters: Object.freeze({ ...defaults.deadLetters, ...deadLetters }),
    deliveryLog: Object.freeze({ ...defaults.deliveryLog, ...deliveryLog }),
    postgres: Object.freeze({ ...defaults.postgres, ...postgres }),
  });
}
