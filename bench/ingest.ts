/**
 * npm run bench:ingest: events that the data port confirms per second, and CPU per event of the serving process, at 1 to
 * 1,000 events per request: with LMDB, with PostgreSQL, and beside them two floors in the same run: the same app with an
 * intake that throws events away, and bare node:http that parses the body and writes the answer. Nothing is delivered.
 * Events are those of bench/sample-events.ts, 1.4 KB on average, each with ids of its own; 16 lanes take turns. The
 * floors say what a store costs; events/s say what two cores left to the server, the load and the database.
 *
 * Node 20.20, two shared cores under a load of 3 to 4, a sync of 0.35 ms, medians of 5 rounds, in us of CPU an event:
 *
 * events per request   bare   no store   LMDB   PostgreSQL   the database
 *                  1    102        426    558          730            144
 *                 20     20         44     75           84             33
 *                100     18         31     77           73             22
 *              1,000     17         25     72           76             19
 *
 * Here the file of LMDB grows all along, which costs zeros that are written ahead; where events go again, it does not
 * (npm run bench:e2e). The load has a client of its own (durable/door-connection.ts): node:http's took as much CPU as the
 * server, and bodies are made once, with ids that are written over.
 */
import { tmpdir } from 'node:os';

import { writeConfigFile } from './durable/config-file.js';
import {
  startContenders,
  startPostgresContender,
  takeTurn,
  type IngestContender,
  type IngestRound,
} from './durable/ingest-rows.js';
import type { Numbers } from './durable/numbered-body.js';
import { readDurableOptions } from './durable/options.js';
import { tryStartPostgres } from './durable/postgres-server.js';
import { openScratch } from './durable/scratch.js';
import { columns, spread } from './durable/spread.js';
import { syncLatency } from './durable/sync-latency.js';
import { endServersWithThisProcess } from './rudderstack/server-process.js';
import { median } from './support.js';

const lanes = 16;
const widths = [24, 10, 24, 20, 23, 9, 9];
/** Connections by events per request. */
const rows = [
  { eventsPerRequest: 1, connections: 64 },
  { eventsPerRequest: 20, connections: 64 },
  { eventsPerRequest: 100, connections: 32 },
  { eventsPerRequest: 1_000, connections: 16 },
] as const;

const { isQuick, hasPostgres } = readDurableOptions('bench:ingest');
const rounds = isQuick ? 2 : 5;
const turnMs = isQuick ? 400 : 1_500;
endServersWithThisProcess();
const scratch = openScratch();
const { p50, p95 } = syncLatency(scratch.folder, 65_536);
print(`${rounds} rounds of ${turnMs} ms each, in turns, after one to warm up; ${lanes} lanes\n`);
print(`the disk (${tmpdir()}) syncs 64 KiB in ${p50.toFixed(2)} ms, 95th percentile ${p95.toFixed(2)} ms\n`);
const database = hasPostgres ? await tryStartPostgres() : 'not asked for';
if (typeof database === 'string') print(`PostgreSQL is left out: ${database}\n`);
const contenders = await start();
const numbers: Numbers = { event: 0, track: 0 };
print(columns(['', 'events/s', 'CPU us/event', 'by the door alone', 'database us/event', 'p50 ms', 'p99 ms'], widths));
for (const { eventsPerRequest, connections } of rows) {
  const measured = new Map<IngestContender, IngestRound[]>(contenders.map((contender) => [contender, []]));
  for (let round = 0; round <= rounds; round += 1) {
    for (const [contender, results] of measured) {
      const result = await takeTurn(contender, { eventsPerRequest, connections, lanes, turnMs, numbers });
      if (round > 0) results.push(result);
    }
  }
  print(`\n${eventsPerRequest} events per request, ${connections} connections\n`);
  const floor = [...measured].find(([{ name }]) => name === 'door without a store')?.[1] ?? [];
  for (const [contender, results] of measured) print(row(contender, results, floor));
}
await Promise.all(contenders.map(({ server }) => server.stop()));
if (typeof database !== 'string') await database.stop();

async function start(): Promise<readonly IngestContender[]> {
  const file = writeConfigFile(scratch.folder, lanes);
  const others = await startContenders(file, scratch);
  if (typeof database === 'string') return others;
  try {
    return [...others, await startPostgresContender(file, database)];
  } catch (error) {
    print(`PostgreSQL is left out: ${error instanceof Error ? error.message : String(error)}\n`);
    return others;
  }
}

function row(
  { name, database: server }: IngestContender,
  results: readonly IngestRound[],
  floor: readonly IngestRound[],
): string {
  const perEvent = ({ serverCpuMs, events }: IngestRound): number => (serverCpuMs * 1_000) / events;
  const ratios = results.flatMap((result, round) => {
    const base = floor[round];
    return base === undefined ? [] : [perEvent(result) / perEvent(base)];
  });
  return columns(
    [
      `  ${name}`,
      median(results.map(({ events, wallMs }) => (events / wallMs) * 1_000)).toFixed(0),
      spread(results.map(perEvent), 1),
      spread(ratios, 2),
      server === undefined
        ? '-'
        : spread(
            results.map(({ databaseCpuMs, events }) => (databaseCpuMs * 1_000) / events),
            1,
          ),
      median(results.map(({ p50Ms }) => p50Ms)).toFixed(1),
      median(results.map(({ p99Ms }) => p99Ms)).toFixed(1),
    ],
    widths,
  );
}

function print(text: string): void {
  process.stdout.write(text);
}
