import { setTimeout as delay } from 'node:timers/promises';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { Database } from '../../../../src/core/store/postgres/database.js';
import type { PostgresStoreOptions } from '../../../../src/core/store/postgres/open-postgres-store.js';
import type { PostgresStore } from '../../../../src/core/store/postgres/postgres-store.js';
import { StoreBroken } from '../../../../src/core/store/store-broken.js';
import { StoreUnavailable } from '../../../../src/core/store/store-unavailable.js';
import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { startTcpProxy, type TcpProxy } from '../../../support/postgres/tcp-proxy.js';
import { chunk } from '../new-rows.js';
import { LaneRecorder, until } from './lane-recorder.js';
import { endLeases, openStore } from './postgres-harness.js';

let server: TestPostgres;
let url: string;
let proxy: TcpProxy;
let stores: PostgresStore[] = [];

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  url = await server.newUrl();
  proxy = await startTcpProxy(server.port);
});

afterEach(async () => {
  const closed = Promise.all(stores.map((store) => store.close()));
  proxy.reset();
  await proxy.close();
  await closed;
  stores = [];
});

async function open(options: Partial<PostgresStoreOptions> = {}): Promise<PostgresStore> {
  const store = await openStore({ url, pollMs: 50, ...options });
  stores.push(store);
  return store;
}

function throughProxy(): string {
  return url.replace(`:${server.port}/`, `:${proxy.port}/`);
}

describe('a server that fails', () => {
  it('has what it confirmed after a crash, and what was settled stays so', async () => {
    const store = await open({ callMs: 5_000 });
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    const [appended, settled] = [new Set<string>(), new Set<string>()];
    const failures: unknown[] = [];
    let isOver = false;
    const work = async (worker: number): Promise<void> => {
      for (let round = 0; !isOver; round += 1) {
        const [name, lane] = [`"${worker}/${round}"`, `us:${worker % 3}`];
        try {
          const [chunkOf] = await store.append([chunk(lane, [name, `${name.slice(0, -1)}+"`])]);
          appended.add(name);
          if (round % 2 === 1) continue;
          await recorder.held.get(lane)?.settle([{ sequence: chunkOf?.sequence ?? 0, indexes: [0] }], []);
          if (recorder.held.has(lane)) settled.add(name);
        } catch (error) {
          failures.push(error);
          await delay(10);
        }
      }
    };
    const workers = Array.from({ length: 12 }, (_, worker) => work(worker));
    for (let crash = 0; crash < 3; crash += 1) {
      const [before, failed] = [appended.size, failures.length];
      await until(() => appended.size > before + 100, 'it works');
      await server.kill();
      await until(() => failures.length > failed, 'it is noticed');
      await server.start();
    }
    const last = appended.size;
    await until(() => appended.size > last + 100, 'it works again');
    isOver = true;
    await Promise.all(workers);
    expect(failures.every((failure) => failure instanceof StoreUnavailable)).toBe(true);
    await store.close();
    const reader = new LaneRecorder();
    await (await open()).claim(reader);
    const open_ = new Set<string>();
    for (const lane of reader.held.values()) {
      for (let from = 0; ;) {
        const chunks = await lane.read(from, 2 ** 30);
        for (const { events } of chunks) for (const { text } of events) open_.add(text);
        const end = chunks.at(-1);
        if (end === undefined) break;
        from = end.sequence + 1;
      }
    }
    expect([...appended].filter((name) => !open_.has(name) && !settled.has(name) && !isEven(name))).toEqual([]);
    expect([...appended].filter((name) => !open_.has(`${name.slice(0, -1)}+"`))).toEqual([]);
    expect([...settled].filter((name) => open_.has(name))).toEqual([]);
    const backlog = await stores.at(-1)?.backlog();
    expect(backlog?.reduce((sum, { events }) => sum + events, 0)).toBe(open_.size);
  });

  it('that is not heard of is given up waiting for, and used again when it is', async () => {
    const store = await open({ url: throughProxy(), callMs: 1_000 });
    await store.append([chunk('us:1', ['1'])]);
    proxy.cut();
    const calls = [store.append([chunk('us:1', ['2'])]), store.backlog(), store.deadLetters.stats()];
    const results = await Promise.allSettled(calls);
    expect(results.map((result) => (result.status === 'rejected' ? (result.reason as unknown) : undefined))).toEqual(
      calls.map(() => expect.any(StoreUnavailable) as unknown),
    );
    proxy.mend();
    await until(async () => {
      return store.append([chunk('us:1', ['3'])]).then(
        () => true,
        () => false,
      );
    }, 'it is reached again');
  });

  it('that ends connections is connected to again', async () => {
    const store = await open();
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    await store.append([chunk('us:1', ['1'])]);
    for (let time = 0; time < 3; time += 1) {
      await server.query(
        url,
        'select pg_terminate_backend(pid) from pg_stat_activity where pid <> pg_backend_pid() and datname is not null',
      );
      await until(async () => {
        return store.append([chunk('us:1', ['2'])]).then(
          () => true,
          (error: unknown) => {
            expect(error).toBeInstanceOf(StoreUnavailable);
            return false;
          },
        );
      }, 'it takes events again');
    }
    expect(recorder.lost).toEqual([]);
  });

  it('may end a connection in the midst of a transaction, of which nothing is done', async () => {
    const options = { url, connections: 1, callMs: 10_000, hasSessions: true, onFault: () => undefined };
    const database = new Database(options);
    const interrupted = database.transaction(async (query) => {
      await query('create table half_done (a int)');
      const [row] = await query<{ pid: number }>('select pg_backend_pid() as pid');
      await server.query(url, 'select pg_terminate_backend($1)', [row?.pid]);
      await until(async () => {
        const alive = await server.query(url, 'select from pg_stat_activity where pid = $1', [row?.pid]);
        return alive.length === 0;
      }, 'the connection has ended');
      await delay(100);
      await query('select 1');
    });
    await expect(interrupted).rejects.toThrow(StoreUnavailable);
    expect(await database.query(`select to_regclass('half_done') as found`)).toEqual([{ found: null }]);
    await database.close();
  });

  it('counts an event once that is settled again while the first call is still under way', async () => {
    // Behind a pooler the server does not end what takes long.
    const store = await open({ callMs: 1_000, listen: false });
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    const [appended] = await store.append([chunk('us:1', ['1', '2', '3'])]);
    const settled = [{ sequence: appended?.sequence ?? 0, indexes: [0] }];
    const lane = await recorder.lane('us:1');
    // As if the disk took long.
    await server.query(
      url,
      `create function pause() returns trigger language plpgsql as
         $$ begin perform pg_sleep(case when new.indexes = '{1,2}' then 3 else 0 end); return new; end $$;
       create trigger pause after update on heap_destination_chunks for each row execute function pause()`,
    );
    const behind = await open();
    await expect(lane.settle(settled, [])).rejects.toThrow(StoreUnavailable);
    await until(
      () =>
        lane.settle([{ sequence: appended?.sequence ?? 0, indexes: [0, 1] }], []).then(
          () => true,
          () => false,
        ),
      'it is settled',
    );
    expect(await behind.backlog()).toMatchObject([{ events: 1, bytes: 1 }]);
    expect(await lane.read(0, 100)).toMatchObject([{ events: [{ index: 2 }] }]);
  });

  it('whose tables are gone is not used any more, and it is said once', async () => {
    const broken: StoreBroken[] = [];
    const store = await open({ onBroken: (error) => broken.push(error) });
    await server.query(url, 'drop table heap_destination_chunks');
    await expect(store.append([chunk('us:1', ['1'])])).rejects.toThrow(StoreBroken);
    await expect(store.backlog()).rejects.toThrow(StoreBroken);
    expect(broken).toHaveLength(1);
  });

  it('confirms only what is on disk, whatever its role is set to', async () => {
    await server.query(
      url,
      `create role hasty_${server.port} login superuser;
       alter role hasty_${server.port} set synchronous_commit = off`,
    );
    const hasty = url.replace('//postgres@', `//hasty_${server.port}@`);
    const store = await open({ url: hasty });
    await server.query(
      url,
      `create table seen (setting text);
       create function see() returns trigger language plpgsql as
         $$ begin insert into seen values (current_setting('synchronous_commit')); return null; end $$;
       create constraint trigger see after insert on heap_destination_chunks deferrable initially deferred
         for each row execute function see();
       create constraint trigger see after update on heap_destination_senders deferrable initially deferred
         for each row execute function see()`,
    );
    const recorder = new LaneRecorder();
    await store.claim(recorder);
    const [appended] = await store.append([chunk('us:1', ['1'])]);
    const lane = await recorder.lane('us:1');
    await lane.settle([{ sequence: appended?.sequence ?? 0, indexes: [0] }], []);
    await lane.release('');
    const seen = await server.query(url, 'select setting, count(*)::int as times from seen group by setting');
    expect(seen).toEqual([{ setting: 'on', times: 3 }]);
    await endLeases(server, url);
  });
});

/** Whether its event may be settled: the call was made, and not answered perhaps. */
function isEven(name: string): boolean {
  return Number(name.slice(0, -1).split('/')[1]) % 2 === 0;
}
