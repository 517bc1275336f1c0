import { systemClock } from '../../../../src/core/clock.js';
import {
  openPostgresStore,
  type PostgresStoreOptions,
} from '../../../../src/core/store/postgres/open-postgres-store.js';
import type { PostgresStore } from '../../../../src/core/store/postgres/postgres-store.js';
import type { TestPostgres } from '../../../support/postgres/start-postgres.js';
import { startTcpProxy } from '../../../support/postgres/tcp-proxy.js';
import type { StoreHarness } from '../store-user.js';

const dayMs = 86_400_000;

export type TestStoreOptions = Partial<PostgresStoreOptions> & { readonly url: string };

/** With bounds that no test meets by accident. */
export function openStore(options: TestStoreOptions): Promise<PostgresStore> {
  return openPostgresStore({
    poolSize: 4,
    leaseMs: 60_000,
    requestMs: 10_000,
    clock: systemClock,
    maxBytes: 2 ** 40,
    deadLetters: { maxBytes: 2 ** 40, maxAgeMs: Number.MAX_SAFE_INTEGER },
    onBroken: () => undefined,
    onLettersRemoved: () => undefined,
    ...options,
  });
}

/** As if all leases had run out. */
export async function endLeases(server: TestPostgres, url: string): Promise<void> {
  await server.query(url, `update heap_destination_senders set lease_until = now() - interval '1 second'`);
  await server.query(url, 'delete from heap_destination_replicas');
}

/** A store behind a network of its own; who is abandoned is cut off, and its leases are over. */
export async function startHarness(
  server: TestPostgres,
  options: Partial<PostgresStoreOptions> = {},
): Promise<StoreHarness> {
  const url = await server.newUrl();
  const open = async (): Promise<{ readonly store: PostgresStore; abandon(): Promise<void>; end(): Promise<void> }> => {
    const proxy = await startTcpProxy(server.port);
    const throughProxy = url.replace(`:${server.port}/`, `:${proxy.port}/`);
    const store = await openStore({ dedupeMs: dayMs, ...options, url: throughProxy });
    return {
      store,
      abandon: async () => {
        proxy.cut();
        await endLeases(server, url);
      },
      end: async () => {
        proxy.cut();
        proxy.reset();
        const closed = store.close();
        await proxy.close();
        await closed;
      },
    };
  };
  const all = [await open()];
  let current = all[0] ?? (await open());
  return {
    get store() {
      return current.store;
    },
    reopen: async (left) => {
      if (left === 'closed') await current.store.close();
      else await current.abandon();
      current = await open();
      all.push(current);
    },
    end: async () => {
      await Promise.all(all.map((each) => each.end()));
    },
  };
}
