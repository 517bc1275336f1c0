import { readdirSync, readFileSync } from 'node:fs';

import { startPostgres, type TestPostgres } from '../../test/support/postgres/start-postgres.js';

/** A PostgreSQL of this machine, and what it has done. */
export interface PostgresServer {
  /** Of an empty schema. */
  newUrl(): Promise<string>;
  /** CPU of all its processes since its start, in milliseconds, in steps of 10. */
  cpuMs(): number;
  /** Bytes that were written to its log since its start. */
  walBytes(): Promise<number>;
  stop(): Promise<void>;
}

const ticksPerSecond = 100;

/** Resolves with a reason where there is none to be had: its rows are left out then. */
export async function tryStartPostgres(): Promise<PostgresServer | string> {
  let server: TestPostgres;
  try {
    // What a small machine would be given; the rest as it comes.
    server = await startPostgres(['shared_buffers=256MB', 'max_wal_size=4GB']);
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
  const url = await server.newUrl();
  const ask = async (statement: string): Promise<string> => {
    const [row] = await server.query(url, statement);
    return String(row?.answer);
  };
  const postmaster = Number((await ask(`select pg_read_file('postmaster.pid') as answer`)).split('\n')[0]);
  return {
    newUrl: () => server.newUrl(),
    cpuMs: () => cpuTicks(postmaster) * (1_000 / ticksPerSecond),
    walBytes: async () => Number(await ask(`select pg_current_wal_lsn() - '0/0'::pg_lsn as answer`)),
    stop: () => server.stop(),
  };
}

/** Of a process, of those that it started, and of those of them that have ended. */
function cpuTicks(postmaster: number): number {
  let ticks = 0;
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue;
    let text: string;
    try {
      text = readFileSync(`/proc/${name}/stat`, 'utf8');
    } catch {
      // It ended since the folder was listed.
      continue;
    }
    // https://man7.org/linux/man-pages/man5/proc_pid_stat.5.html, the fields after the name
    const fields = text.slice(text.lastIndexOf(')') + 2).split(' ');
    const isPostmaster = Number(name) === postmaster;
    if (isPostmaster || Number(fields[1]) === postmaster) ticks += Number(fields[11]) + Number(fields[12]);
    if (isPostmaster) ticks += Number(fields[13]) + Number(fields[14]);
  }
  return ticks;
}
