import { execFile, execFileSync, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chown, mkdtemp, readFile } from 'node:fs/promises';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { promisify } from 'node:util';

import pg from 'pg';

import { findPostgresBinaries } from './postgres-binaries.js';

/** A server of its own, on a free port of this machine, in a temporary folder that goes with it. */
export interface TestPostgres {
  readonly port: number;
  /** Of an empty schema that nobody else has. */
  newUrl(): Promise<string>;
  /** Runs statements as a superuser. */
  query(url: string, text: string, values?: readonly unknown[]): Promise<readonly Readonly<Record<string, unknown>>[]>;
  /** Ends the server as a crash does: nothing is written that was not written before. */
  kill(): Promise<void>;
  /** Starts it again, and waits until it takes connections. */
  start(): Promise<void>;
  stop(): Promise<void>;
}

const deadlineMs = 60_000;
const run = promisify(execFile);

/** @param settings of the server, as `name=value`. */
export async function startPostgres(settings: readonly string[] = []): Promise<TestPostgres> {
  const binaries = findPostgresBinaries();
  const user = unprivilegedUser();
  const folder = await mkdtemp(join(tmpdir(), 'heap-destination-postgres-'));
  if (user !== undefined) await chown(folder, user.uid, user.gid);
  const data = join(folder, 'data');
  const as = { cwd: folder, ...user };
  const initialise = ['-D', data, '-U', 'postgres', '-A', 'trust', '-E', 'UTF8', '--locale=C', '--no-sync'];
  await run(join(binaries, 'initdb'), initialise, as);
  const port = await freePort();
  const options = [
    `port=${port}`,
    'listen_addresses=127.0.0.1',
    'unix_socket_directories=',
    'fsync=on',
    'max_connections=200',
    'shared_buffers=64MB',
    ...settings,
  ].flatMap((setting) => ['-c', setting]);
  const script = resolve('test/support/postgres/run-postgres.sh');
  const text = await readFile(script, 'utf8');
  const keeper = spawn('sh', ['-c', text, 'run-postgres', folder, join(binaries, 'postgres'), '-D', data, ...options], {
    ...as,
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const url = `postgresql://postgres@127.0.0.1:${port}/postgres`;
  const query: TestPostgres['query'] = async (where, statement, values = []) => {
    const client = new pg.Client({ connectionString: where, connectionTimeoutMillis: 5_000 });
    client.on('error', () => undefined);
    await client.connect();
    try {
      return (await client.query<Record<string, unknown>>(statement, [...values])).rows;
    } finally {
      await client.end();
    }
  };
  const takesConnections = async (): Promise<void> => {
    for (let waited = 0; ; waited += 50) {
      try {
        await query(url, 'select 1');
        return;
      } catch (error) {
        if (waited >= deadlineMs) throw error;
        await delay(50);
      }
    }
  };
  const stop = async (): Promise<void> => {
    if (keeper.exitCode !== null) return;
    const ended = once(keeper, 'exit');
    keeper.stdin.end();
    await ended;
  };
  try {
    await takesConnections();
  } catch (error) {
    await stop();
    throw error;
  }
  let schemas = 0;
  return {
    port,
    newUrl: async () => {
      const schema = `test_${(schemas += 1)}`;
      await query(url, `create schema ${schema}`);
      return `${url}?options=-c%20search_path%3D${schema}`;
    },
    query,
    kill: async () => {
      const killed = once(keeper.stdout, 'data');
      keeper.stdin.write('kill\n');
      await killed;
    },
    start: async () => {
      keeper.stdin.write('start\n');
      await takesConnections();
    },
    stop,
  };
}

/** PostgreSQL refuses to run as root. */
function unprivilegedUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  for (const name of ['postgres', 'nobody']) {
    try {
      const id = (kind: string): number => Number(execFileSync('id', [kind, name], { stdio: 'pipe' }).toString());
      return { uid: id('-u'), gid: id('-g') };
    } catch {
      continue;
    }
  }
  throw new Error('a server can not run as root, and there is no other user');
}

async function freePort(): Promise<number> {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
