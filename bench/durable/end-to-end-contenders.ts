import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

import { Child } from '../delivery/child.js';
import type { Batch, Tally } from '../delivery/plan.js';
import { cpuMs } from '../rudderstack/process-usage.js';
import { startServer } from '../rudderstack/server-process.js';
import { DoorLoad } from './door-load.js';
import type { EndToEndPlan, EndToEndRound, NoDoorOrder } from './end-to-end-plan.js';
import type { Numbers } from './numbered-body.js';
import type { PostgresServer } from './postgres-server.js';
import { startServe } from './serve-process.js';

export interface EndToEndContender {
  readonly name: string;
  run(plan: EndToEndPlan, numbers: Numbers): Promise<EndToEndRound>;
  stop(): Promise<void>;
}

/** What plays Heap, and counts. */
export type Sink = Child<Partial<Batch>, Tally>;

const doorProcess = fileURLToPath(new URL('door-process.js', import.meta.url));
const roundTimeoutMs = 60_000;

/** Door, transform and delivery; nothing is stored. */
export async function directContender(configFile: string, sink: Sink, heapUrl: string): Promise<EndToEndContender> {
  const environment = [`HEAP_API_URL_US=${heapUrl}`, 'ALLOW_VOLATILE=1'];
  const server = await startServer(['env', ...environment, process.execPath, doorProcess, 'direct', configFile]);
  return {
    name: 'nothing stored',
    run: (plan, numbers) => runThroughDoor(server, sink, plan, numbers, undefined, () => Promise.resolve()),
    stop: () => server.stop(),
  };
}

/** Store and delivery in one process; nothing comes over HTTP. */
export function noDoorContender(configFile: string, sink: Sink, heapUrl: string, dataDir: string): EndToEndContender {
  Object.assign(process.env, { DATA_DIR: dataDir, HEAP_API_URL_US: heapUrl });
  const child = new Child<NoDoorOrder, EndToEndRound>('../durable/no-door-process.js', configFile);
  delete process.env.DATA_DIR;
  delete process.env.HEAP_API_URL_US;
  return {
    name: 'LMDB without the door',
    run: async (plan, numbers) => {
      const expected = tracksOf(plan);
      await sink.ask({ first: numbers.track, events: expected });
      const round = await child.ask({ ...plan, numbers });
      await checkTally(sink, expected);
      Object.assign(numbers, round.numbers);
      return round;
    },
    stop: () => child.end(),
  };
}

/** `serve` as it is deployed. */
export async function serveContender(
  configFile: string,
  sink: Sink,
  heapUrl: string,
  place: { readonly dataDir: string } | { readonly database: PostgresServer },
): Promise<EndToEndContender> {
  const database = 'database' in place ? place.database : undefined;
  const environment: Readonly<Record<string, string>> =
    'database' in place ? { DATABASE_URL: await place.database.newUrl() } : { DATA_DIR: place.dataDir };
  const server = await startServe(configFile, { ...environment, HEAP_API_URL_US: heapUrl, LOG_LEVEL: 'info' });
  return {
    name: database === undefined ? 'LMDB' : 'PostgreSQL',
    run: (plan, numbers) =>
      runThroughDoor(server, sink, plan, numbers, database, async () => {
        while ((await server.storedEvents()) > 0) await delay(100);
      }),
    stop: () => server.stop(),
  };
}

async function runThroughDoor(
  { port, processId }: { readonly port: number; readonly processId: number },
  sink: Sink,
  plan: EndToEndPlan,
  numbers: Numbers,
  database: PostgresServer | undefined,
  whenSettled: () => Promise<void>,
): Promise<EndToEndRound> {
  const { lanes, eventsPerRequest, mix, callers, events, maxUnderWay } = plan;
  const first = { ...numbers };
  const expected = tracksOf(plan);
  await sink.ask({ first: numbers.track, events: expected });
  const load = await DoorLoad.open({ port, eventsPerRequest, mix, lanes, connections: callers, numbers });
  const before = { cpu: cpuMs([processId]), database: database?.cpuMs() ?? 0, wal: (await database?.walBytes()) ?? 0 };
  const startedAt = performance.now();
  let arrived = 0;
  const patience = new AbortController();
  const watching = (async (): Promise<void> => {
    while (!patience.signal.aborted && arrived < expected) {
      arrived = (await sink.ask({})).events;
      await delay(4);
      if (performance.now() > startedAt + roundTimeoutMs) throw new Error(`only ${arrived} of ${expected} arrived`);
    }
  })();
  let hasFailed = false;
  watching.catch(() => {
    hasFailed = true;
  });
  try {
    const hasMore = (): boolean => numbers.event - first.event < events;
    const isFull = (): boolean => numbers.track - first.track - arrived >= maxUnderWay;
    await load.run(() => {
      if (!hasMore() || hasFailed) return 'stop';
      return isFull() ? 'wait' : 'send';
    });
    await watching;
    const wallMs = performance.now() - startedAt;
    await whenSettled();
    const serviceCpuMs = cpuMs([processId]) - before.cpu;
    const databaseCpuMs = (database?.cpuMs() ?? 0) - before.database;
    const walBytes = ((await database?.walBytes()) ?? 0) - before.wal;
    await checkTally(sink, expected);
    const tracks = numbers.track - first.track;
    const sent = numbers.event - first.event;
    return { events: sent, tracks, wallMs, serviceCpuMs, databaseCpuMs, walBytes, numbers };
  } finally {
    patience.abort();
    load.close();
  }
}

/** Of all events nine of ten become a track, in requests of full tens. */
function tracksOf({ events, mix }: EndToEndPlan): number {
  switch (mix) {
    case 'all':
      return (events * 9) / 10;
    case 'tracks':
      return events;
  }
}

async function checkTally(sink: Sink, expected: number): Promise<void> {
  const { events, missing, surplus } = await sink.ask({});
  if (missing === 0 && surplus === 0) return;
  throw new Error(`of ${expected} events ${events} arrived, ${missing} missing, ${surplus} too many`);
}
