import { fileURLToPath } from 'node:url';

import { cpuMs } from '../rudderstack/process-usage.js';
import { startServer, type ServerProcess } from '../rudderstack/server-process.js';
import { DoorLoad } from './door-load.js';
import type { Numbers } from './numbered-body.js';
import type { PostgresServer } from './postgres-server.js';
import type { Scratch } from './scratch.js';
import { quantile } from './spread.js';

/** One turn of a contender. */
export interface IngestRound {
  readonly events: number;
  readonly requests: number;
  readonly wallMs: number;
  readonly p50Ms: number;
  readonly p99Ms: number;
  readonly serverCpuMs: number;
  /** Of the database, where there is one. */
  readonly databaseCpuMs: number;
}

export interface IngestContender {
  readonly name: string;
  readonly server: ServerProcess;
  readonly database: PostgresServer | undefined;
}

const doorProcess = fileURLToPath(new URL('door-process.js', import.meta.url));

function start(contender: string, configFile: string, place: string): Promise<ServerProcess> {
  return startServer(['env', place, process.execPath, doorProcess, contender, configFile]);
}

export async function startContenders(configFile: string, scratch: Scratch): Promise<readonly IngestContender[]> {
  const database = undefined;
  const none = 'ALLOW_VOLATILE=1';
  const folder = `DATA_DIR=${scratch.newFolder('ingest')}`;
  return [
    { name: 'node:http, JSON.parse', server: await start('bare', configFile, none), database },
    { name: 'door without a store', server: await start('discard', configFile, none), database },
    { name: 'LMDB', server: await start('stored', configFile, folder), database },
  ];
}

export async function startPostgresContender(configFile: string, database: PostgresServer): Promise<IngestContender> {
  const server = await start('stored', configFile, `DATABASE_URL=${await database.newUrl()}`);
  return { name: 'PostgreSQL', server, database };
}

export interface TurnPlan {
  readonly eventsPerRequest: number;
  readonly lanes: number;
  readonly connections: number;
  readonly turnMs: number;
  readonly numbers: Numbers;
}

export async function takeTurn({ server, database }: IngestContender, plan: TurnPlan): Promise<IngestRound> {
  const load = await DoorLoad.open({ ...plan, mix: 'all', port: server.port });
  const before = [cpuMs([server.processId]), database?.cpuMs() ?? 0] as const;
  const endAt = performance.now() + plan.turnMs;
  try {
    const { events, requests, wallMs, latenciesMs } = await load.run(() =>
      performance.now() < endAt ? 'send' : 'stop',
    );
    return {
      ...{ events, requests, wallMs },
      p50Ms: quantile(latenciesMs, 0.5),
      p99Ms: quantile(latenciesMs, 0.99),
      serverCpuMs: cpuMs([server.processId]) - before[0],
      databaseCpuMs: (database?.cpuMs() ?? 0) - before[1],
    };
  } finally {
    load.close();
  }
}
