import { hostname } from 'node:os';

import type { Clock } from '../core/clock.js';
import type { StoreBroken } from '../core/store/store-broken.js';
import type { Store } from '../core/store/store.js';
import type { Logger } from './logging-observer.js';
import type { StoreConfig, StorePlace } from './store-config.js';

export interface OpenStoreOptions {
  readonly config: StoreConfig;
  /** How long a request to the destination may take. */
  readonly requestMs: number;
  readonly clock: Clock;
  readonly logger: Logger;
  /** The store takes nothing any more; the process should end, and start anew. */
  readonly onBroken: (error: StoreBroken) => void;
  readonly onLettersRemoved: (letters: number) => void;
}

/** Opens the store of a durable service. What one adapter needs is loaded for it alone. */
export async function openStore(
  place: Exclude<StorePlace, { type: 'none' }>,
  options: OpenStoreOptions,
): Promise<Store> {
  const { config, requestMs, clock, logger, onBroken } = options;
  const { maxBytes, deadLetters, durableIdsMs, postgres } = config;
  const onLettersRemoved = (letters: number): void => {
    logger.warn({ letters }, 'dead letters were removed: they were too old, or too many');
    options.onLettersRemoved(letters);
  };
  const shared = {
    ...{ maxBytes, deadLetters, clock, onBroken, onLettersRemoved },
    ...(durableIdsMs > 0 && { dedupeMs: durableIdsMs }),
  };
  switch (place.type) {
    case 'lmdb': {
      const { openLmdbStore } = await import('../core/store/lmdb/open-lmdb-store.js');
      return openLmdbStore({
        ...shared,
        dataDir: place.dataDir,
        onUnreadable: (unreadable) => {
          logger.error({ unreadable }, 'a record of the store is damaged; it was set aside, and its neighbours go on');
        },
      });
    }
    case 'postgres': {
      const { openPostgresStore } = await import('../core/store/postgres/open-postgres-store.js');
      return openPostgresStore({
        ...shared,
        url: place.url,
        owner: `${hostname()}:${process.pid}`,
        poolSize: postgres.poolSize,
        leaseMs: postgres.leaseMs,
        listen: postgres.listen,
        requestMs,
        onUnavailable: (error) => {
          logger.warn({ err: error }, 'the database can not be reached');
        },
      });
    }
  }
}
