/**
 * npm run bench:e2e: what keeping events costs, from the data port to Heap: delivered events per second and CPU per 1,000
 * events of `serve` with LMDB and with PostgreSQL (whose own CPU stands apart), beside the same door, transform and
 * delivery with nothing stored, and the store and delivery without the door. Heap is a process that answers 200 at once;
 * rate limits are off; 100 events of 1.4 KB per request, all of which become a track. After every round the sink says
 * whether each event has arrived once.
 *
 * At most 10,000 events are under way, for every contender: what is measured is a service that keeps up. Draining what
 * has piled up is npm run bench:backlog. The last rows have an identify in every ten events: each is a request of its own
 * to Heap, beside which the store is nothing, so that the share of the queue is judged by the rows before.
 *
 * Node 20.20, two shared cores under a load of 3 to 4, two runs; 4 / 50 lanes, in ms of CPU per 1,000 events: nothing stored
 * 117-128 / 132-144, LMDB 144-154 / 162-170 (share of the queue 0.15-0.22 / 0.22-0.23, single rounds 0.03-0.40), PostgreSQL
 * 157-172 / 196-217 and 24 / 36 of its own; 145 bytes of WAL an event, which compress well. Of LMDB's part, JSON.stringify
 * of what was parsed takes about 13 us an event, parsing again what was read from the file 3, the garbage collector 9.
 *
 * Look at the events per request to Heap when the figures are odd: where lingering was counted from an event's receipt and
 * not from when it came to its lane, requests had 9 events instead of 800, and the same work took 230 ms.
 */
import { writeConfigFile } from './durable/config-file.js';
import {
  directContender,
  noDoorContender,
  serveContender,
  type EndToEndContender,
  type Sink,
} from './durable/end-to-end-contenders.js';
import type { EndToEndPlan, EndToEndRound } from './durable/end-to-end-plan.js';
import type { Numbers } from './durable/numbered-body.js';
import { readDurableOptions } from './durable/options.js';
import { tryStartPostgres } from './durable/postgres-server.js';
import { openScratch } from './durable/scratch.js';
import { columns, spread } from './durable/spread.js';
import { Child } from './delivery/child.js';
import { endServersWithThisProcess } from './rudderstack/server-process.js';
import { median } from './support.js';

/** The share of the service's CPU that keeping events may take. */
const maxQueueShare = 0.25;
/** No round is begun after this time, of which each plan has its part: a slow machine gets fewer rounds. */
const lastStartMs = 220_000;
const widths = [24, 10, 24, 24, 24, 14];

const { isQuick, hasPostgres } = readDurableOptions('bench:e2e');
const rounds = isQuick ? 2 : 5;
const base = { eventsPerRequest: 100, mix: 'tracks', callers: 32, maxUnderWay: 10_000 } as const;
const many = isQuick ? 10_000 : 20_000;
const plans: readonly EndToEndPlan[] = [
  { ...base, events: many, lanes: 4 },
  { ...base, events: many, lanes: 50 },
  { ...base, events: many / 10, lanes: 4, mix: 'all' },
];
endServersWithThisProcess();
const scratch = openScratch();
const sink: Sink = new Child('sink-process.js', '0');
const { port } = await sink.ask({});
const heapUrl = `http://127.0.0.1:${port}`;
const database = hasPostgres ? await tryStartPostgres() : 'not asked for';
if (typeof database === 'string') print(`PostgreSQL is left out: ${database}\n`);
const numbers: Numbers = { event: 0, track: 0 };

print(`${many} events a round, ${base.eventsPerRequest} per request, ${base.callers} requests at a time, `);
print(`${base.maxUnderWay} events under way at most; up to ${rounds} rounds in turns after one to warm up\n\n`);
const heads = ['', 'events/s', 'CPU ms/1,000 events', 'queue work of it', 'database CPU', 'WAL bytes'];
const under = ['', '', 'of the service', '1 - nothing stored/it', 'ms/1,000 events', 'per event'];
print(columns(heads, widths));
print(columns(under, widths));
const shares: number[] = [];
for (const [index, plan] of plans.entries()) {
  const measured = await measure(plan, (lastStartMs * (index + 1)) / plans.length);
  print(`\n${plan.lanes} lanes${plan.mix === 'all' ? ', one of ten events an identify' : ''}\n`);
  const floor = measured[0]?.results ?? [];
  for (const { name, results } of measured) {
    print(row(name, results, floor));
    if (name === 'LMDB' && plan.mix === 'tracks') shares.push(...sharesOf(results, floor));
  }
}
const isKept = median(shares) <= maxQueueShare;
print(`\nqueue work with LMDB <= ${maxQueueShare * 100} % of the service's CPU: `);
print(
  `${isKept ? 'yes' : 'NO'}, ${spread(
    shares.map((share) => share * 100),
    0,
  )} %\n`,
);
if (typeof database !== 'string') await database.stop();
await sink.end();

interface Measured {
  readonly name: string;
  readonly results: readonly EndToEndRound[];
}

async function measure(plan: EndToEndPlan, endAt: number): Promise<readonly Measured[]> {
  const contenders = await start(plan);
  const all = contenders.map((contender) => ({ contender, results: [] as EndToEndRound[] }));
  for (let round = 0; round <= rounds; round += 1) {
    if (round > 1 && performance.now() > endAt) break;
    for (const { contender, results } of all) {
      const result = await contender.run(plan, numbers).catch((error: unknown) => {
        throw new Error(`${contender.name}, ${plan.lanes} lanes`, { cause: error });
      });
      if (round > 0) results.push(result);
    }
  }
  for (const contender of contenders) await contender.stop();
  return all.map(({ contender: { name }, results }) => ({ name, results }));
}

async function start({ lanes, mix }: EndToEndPlan): Promise<readonly EndToEndContender[]> {
  const file = writeConfigFile(scratch.folder, lanes);
  const folder = (name: string): string => scratch.newFolder(`${name}-${lanes}-${mix}`);
  const contenders = [
    await directContender(file, sink, heapUrl),
    noDoorContender(file, sink, heapUrl, folder('no-door')),
    await serveContender(file, sink, heapUrl, { dataDir: folder('lmdb') }),
  ];
  if (typeof database === 'string') return contenders;
  try {
    return [...contenders, await serveContender(file, sink, heapUrl, { database })];
  } catch (error) {
    print(`PostgreSQL is left out: ${error instanceof Error ? error.message : String(error)}\n`);
    return contenders;
  }
}

function sharesOf(results: readonly EndToEndRound[], floor: readonly EndToEndRound[]): readonly number[] {
  return results.flatMap((result, round) => {
    const without = floor[round];
    return without === undefined ? [] : [1 - cpuPer1000(without) / cpuPer1000(result)];
  });
}

function cpuPer1000({ serviceCpuMs, events }: EndToEndRound): number {
  return (serviceCpuMs * 1_000) / events;
}

function row(name: string, results: readonly EndToEndRound[], floor: readonly EndToEndRound[]): string {
  const isStored = name === 'LMDB' || name === 'PostgreSQL';
  const hasDatabase = name === 'PostgreSQL';
  return columns(
    [
      `  ${name}`,
      median(results.map(({ events, wallMs }) => (events / wallMs) * 1_000)).toFixed(0),
      spread(results.map(cpuPer1000), 1),
      isStored ? spread(sharesOf(results, floor), 2) : '-',
      hasDatabase
        ? spread(
            results.map(({ databaseCpuMs, events }) => (databaseCpuMs * 1_000) / events),
            1,
          )
        : '-',
      hasDatabase ? median(results.map(({ walBytes, events }) => walBytes / events)).toFixed(0) : '-',
    ],
    widths,
  );
}

function print(text: string): void {
  process.stdout.write(text);
}
