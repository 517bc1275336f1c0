import { resolve } from 'node:path';

import { systemClock } from '../../core/clock.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import { DirectoryInUse } from '../../core/store/lmdb/directory-in-use.js';
import type { Region } from '../../destinations/heap/connection.js';
import type { Logger } from '../logging-observer.js';
import { openStore } from '../open-store.js';
import type { ServiceConfig } from '../service-config.js';
import type { StoreConfig } from '../store-config.js';
import { BackfillRefused } from './backfill-refused.js';
import type { BackfillTarget } from './backfill-target.js';
import { DoorTarget } from './door-target.js';
import { heapTarget } from './heap-target.js';
import { StoreTarget } from './store-target.js';

/** The three ways that events of history can go. */
export type BackfillWay =
  /** `maxWaiting`: events of the lane that may wait in the store before the backfill waits. */
  | { readonly type: 'store'; readonly maxWaiting: number | undefined }
  | { readonly type: 'door'; readonly url: string; readonly writeKey: string }
  | { readonly type: 'heap' };

export interface ChosenTarget {
  /** Where events go, in words for a person; a checkpoint holds it too. Without secrets. */
  readonly destination: string;
  readonly open: () => Promise<BackfillTarget>;
}

export interface ChooseTargetOptions {
  readonly config: ServiceConfig;
  readonly connection: CompiledConnection;
  readonly way: BackfillWay;
  readonly logger: Logger;
  readonly signal: AbortSignal;
}

/** What one request to a service holds, unless the configuration allows less. */
const doorBounds = { maxItems: 500, maxBytes: 4_000_000 };

/** Of what may wait in a store a backfill takes this much at most; the rest is left to the events that come in. */
const storeShare = 0.5;

/** @throws BackfillRefused where the configuration has no such way. */
export function chooseTarget({ config, connection, way, logger, signal }: ChooseTargetOptions): ChosenTarget {
  const { lane } = connection;
  switch (way.type) {
    case 'store':
      return storeChoice(config, connection, way.maxWaiting, logger, signal);
    case 'door': {
      const { server } = config;
      const bounds = {
        maxItems: Math.min(doorBounds.maxItems, server.maxEvents),
        maxBytes: Math.min(doorBounds.maxBytes, server.maxBodyBytes),
      };
      const { url, writeKey } = way;
      return {
        destination: `the service at ${shownUrl(url)}, ${lane.key}`,
        open: () =>
          Promise.resolve(new DoorTarget({ url, writeKey, bounds, clock: systemClock, random: Math.random, signal })),
      };
    }
    case 'heap':
      return {
        destination: `Heap at ${shownUrl(config.heapUrls[lane.region as Region])}, ${lane.key}`,
        open: () => Promise.resolve(heapTarget(config, signal)),
      };
  }
}

function storeChoice(
  config: ServiceConfig,
  connection: CompiledConnection,
  maxWaiting: number | undefined,
  logger: Logger,
  signal: AbortSignal,
): ChosenTarget {
  const { place } = config.store;
  if (place.type === 'none') {
    throw new BackfillRefused('there is no store: events can go to a running service (--door) or at once (--to heap)');
  }
  const shown = place.type === 'lmdb' ? resolve(place.dataDir) : shownUrl(place.url);
  const open = async (): Promise<BackfillTarget> => {
    const store = await openStore(place, {
      config: config.store,
      requestMs: config.delivery.requestTimeoutMs,
      clock: systemClock,
      logger,
      // The next append says it.
      onBroken: () => undefined,
      onLettersRemoved: () => undefined,
    }).catch((error: unknown) => {
      throw new BackfillRefused(cannotOpen(error, shown, config.server.port));
    });
    return new StoreTarget({
      store,
      connection,
      bounds: shareOf(config.store, maxWaiting),
      isEmptiedMeanwhile: place.type === 'postgres',
      storesIds: config.store.durableIdsMs > 0,
      maxEventLength: config.server.maxEventLength,
      clock: systemClock,
      random: Math.random,
      signal,
    });
  };
  return { destination: `the store ${shown}, ${connection.lane.key}`, open };
}

function cannotOpen(error: unknown, shown: string, port: number): string {
  const message = error instanceof Error ? error.message : String(error);
  return error instanceof DirectoryInUse
    ? `a service has the store ${shown} open (${message}): go through it with --door http://127.0.0.1:${port}, or stop it`
    : `the store ${shown} can not be opened: ${message}`;
}

function shareOf(
  { maxEvents, maxBytes, maxEventsPerLane, maxBytesPerLane }: StoreConfig,
  maxWaiting = Infinity,
): ConstructorParameters<typeof StoreTarget>[0]['bounds'] {
  return {
    maxEvents: maxEvents * storeShare,
    maxBytes: maxBytes * storeShare,
    maxEventsPerLane: Math.min(maxEventsPerLane * storeShare, maxWaiting),
    maxBytesPerLane: maxBytesPerLane * storeShare,
  };
}

/** Without a user and a password that a URL may hold. */
function shownUrl(text: string): string {
  const url = new URL(text);
  return `${url.protocol}//${url.host}${url.pathname.replace(/\/$/, '')}`;
}
