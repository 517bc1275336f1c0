import { afterAll, beforeAll, beforeEach, describe, expect, it } from '@jest/globals';

import { Database } from '../../../../src/core/store/postgres/database.js';
import { migrate, MigrationFailed } from '../../../../src/core/store/postgres/migrate.js';
import { migrations } from '../../../../src/core/store/postgres/migrations.js';
import { StoreUnavailable } from '../../../../src/core/store/store-unavailable.js';
import { startPostgres, type TestPostgres } from '../../../support/postgres/start-postgres.js';
import { chunk } from '../new-rows.js';
import { openStore } from './postgres-harness.js';

let server: TestPostgres;
let url: string;

beforeAll(async () => {
  server = await startPostgres();
});

afterAll(async () => {
  await server.stop();
});

beforeEach(async () => {
  url = await server.newUrl();
});

async function migrateTo(steps: readonly string[]): Promise<void> {
  const options = { url, connections: 1, callMs: 10_000, hasSessions: true, onFault: () => undefined };
  const database = new Database(options);
  try {
    await migrate(database, steps);
  } finally {
    await database.close();
  }
}

/** The url as another role has it. */
function as(role: string): string {
  return url.replace('//postgres@', `//${role}@`);
}

describe('the tables', () => {
  it('are made once by processes that start together', async () => {
    const stores = await Promise.all(Array.from({ length: 5 }, () => openStore({ url })));
    await Promise.all(stores.map((store) => store.append([chunk('us:1', ['1'])])));
    expect(await stores[0]?.backlog()).toMatchObject([{ events: 5 }]);
    await Promise.all(stores.map((store) => store.close()));
    expect(await server.query(url, 'select version from heap_destination_migrations')).toEqual([{ version: 1 }]);
  });

  it('are in the schema that the url names, and nowhere else', async () => {
    const store = await openStore({ url });
    await store.close();
    const statement = `select count(*)::int as tables from pg_class
      where relkind = 'r' and relname like 'heap_destination_%' and relnamespace = current_schema()::regnamespace`;
    expect(await server.query(url, statement)).toEqual([{ tables: 7 }]);
  });

  it('are refused when they are of a newer version', async () => {
    await migrateTo([...migrations, 'create table heap_destination_later (lane text)']);
    await expect(openStore({ url })).rejects.toThrow(
      /of version 2, and this program knows them up to 1: start a newer/,
    );
  });

  it('stay as they are when a step fails, and it is said what to do', async () => {
    await migrateTo(migrations);
    const steps = [...migrations, 'create table heap_destination_later (lane text)', 'select 1 / 0'];
    const failure = await migrateTo(steps).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(MigrationFailed);
    expect(String(failure)).toMatch(/version 3, and are as they were: .*division by zero.*start again/);
    expect(await server.query(url, `select to_regclass('heap_destination_later') as later`)).toEqual([{ later: null }]);
    const store = await openStore({ url });
    await store.append([chunk('us:1', ['1'])]);
    await store.close();
  });

  it('are not made by a role that may not, which can use them once they are there', async () => {
    const [row] = await server.query(url, 'select current_schema() as schema');
    const schema = String(row?.schema);
    await server.query(url, `create role clerk_${schema} login`);
    await server.query(url, `grant usage on schema ${schema} to clerk_${schema}`);
    const clerk = as(`clerk_${schema}`);
    await expect(openStore({ url: clerk })).rejects.toThrow(/permission denied.*needs the right to create tables/);
    await migrateTo(migrations);
    await server.query(
      url,
      `grant select, insert, update, delete on all tables in schema ${schema} to clerk_${schema}`,
    );
    const store = await openStore({ url: clerk });
    await store.append([chunk('us:1', ['1'])]);
    await store.close();
  });

  it('are not made in a database of another encoding than UTF8', async () => {
    await server.query(url, `create database ascii encoding 'SQL_ASCII' template template0`);
    const other = `postgresql://postgres@127.0.0.1:${server.port}/ascii`;
    await expect(openStore({ url: other })).rejects.toThrow('encoding is SQL_ASCII, and has to be UTF8');
  });

  it('are not looked for on a server that is not there', async () => {
    const nobody = 'postgresql://postgres:secret@127.0.0.1:1/postgres';
    const failure = await openStore({ url: nobody }).catch((error: unknown) => error);
    expect(failure).toBeInstanceOf(StoreUnavailable);
    expect(String(failure)).not.toContain('secret');
  });
});
