/**
 * npm run bench:backlog: a million events wait in LMDB and Heap is away: what `serve` takes of memory above an idle one,
 * and how long its start takes; then Heap comes back, and how fast it is served, with which memory. Once with chunks of 100
 * events and once with chunks of one, put into the store directly. Rate limits are off; 10 lanes; events of 1.4 KB.
 *
 * What is promised of memory is held against what is the process's own (RssAnon). The pages of the mapped file
 * (RssFile) count as resident too, and are the system's cache: it takes them back without asking.
 *
 * Node 20.20, two shared cores that were quiet, chunks of 100 / of 1: open after 194 / 141 ms (an empty store: 94); above
 * idle 61 / 67 MiB of its own while Heap is away, 197 / 199 while it drains: all kept. 18,700 / 12,900 events/s, with 62 / 92 us
 * of CPU each. With 40,000 operations, 48 MiB of them and 64 MiB in flight (20,000, 24 and 16 now) it had taken 332.
 */
import { spawnSync } from 'node:child_process';
import { setTimeout as delay } from 'node:timers/promises';

import { Child } from './delivery/child.js';
import { writeConfigFile } from './durable/config-file.js';
import type { FillOrder, Filled } from './durable/fill-order.js';
import { freePort } from './durable/free-port.js';
import { observeDrain } from './durable/observe-drain.js';
import { readDurableOptions } from './durable/options.js';
import { processMemory, type ProcessMemory } from './durable/process-memory.js';
import { openScratch } from './durable/scratch.js';
import { startServe, type ServeProcess } from './durable/serve-process.js';
import { spread } from './durable/spread.js';

const aims = { memoryMiB: 200, openMs: 1_000 } as const;
const lanes = 10;

const { isQuick } = readDurableOptions('bench:backlog');
const events = isQuick ? 100_000 : 1_000_000;
const settleMs = isQuick ? 4_000 : 10_000;
const drainMs = isQuick ? 6_000 : 25_000;
const scratch = openScratch();
const configFile = writeConfigFile(scratch.folder, lanes);
const port = await freePort();
const verdicts: string[] = [];

print(`node itself starts and ends in ${spread(Array.from({ length: 5 }, nodeStartMs), 0)} ms\n`);
const idle = await measureIdle();
for (const eventsPerChunk of [100, 1]) await measureBacklog(eventsPerChunk);
print(`\n${verdicts.join('')}`);

async function measureIdle(): Promise<ProcessMemory> {
  const serve = await start(scratch.newFolder('idle'));
  await delay(settleMs);
  const memory = processMemory(serve.processId);
  printStart('an empty store', serve);
  print(`  idle: ${describe(memory)}\n`);
  await serve.stop();
  return memory;
}

async function measureBacklog(eventsPerChunk: number): Promise<void> {
  const dataDir = scratch.newFolder(`chunks-of-${eventsPerChunk}`);
  const filler = new Child<FillOrder, Filled>('../durable/fill-process.js');
  const filled = await filler.ask({ dataDir, events, eventsPerChunk, lanes });
  await filler.end();
  const name = `${filled.events} events in chunks of ${eventsPerChunk}`;
  print(`\n${name}: ${(filled.bytes / 2 ** 20).toFixed(0)} MiB, stored in ${(filled.wallMs / 1_000).toFixed(1)} s `);
  print(`(${perSecond(filled.events, filled.wallMs)} events/s)\n`);

  const serve = await start(dataDir);
  printStart('it', serve);
  judge('the store is open', serve.storeMs ?? Number.NaN, aims.openMs, 'ms', eventsPerChunk);
  await delay(settleMs);
  const waiting = processMemory(serve.processId);
  print(`  Heap is away: ${describe(waiting)}\n`);
  judge('memory above idle, Heap away', waiting.anon - idle.anon, aims.memoryMiB, 'MiB', eventsPerChunk);

  const heap = new Child<object, object>('../durable/heap-process.js', String(port));
  await heap.ask({});
  const drain = await observeDrain(serve, drainMs);
  print(`  Heap is back: the first events are gone after ${(drain.firstAfterMs / 1_000).toFixed(1)} s, then `);
  print(`${drain.eventsPerSecond.toFixed(0)} events/s with ${drain.cpuUsPerEvent.toFixed(0)} us CPU each `);
  print(`(${drain.events} in ${drain.seconds.toFixed(1)} s)\n  at most: ${describe(drain.peak)}\n`);
  judge('memory above idle, draining', drain.peak.anon - idle.anon, aims.memoryMiB, 'MiB', eventsPerChunk);
  await serve.stop();
  await heap.end();
}

function start(dataDir: string): Promise<ServeProcess> {
  const environment = { DATA_DIR: dataDir, HEAP_API_URL_US: `http://127.0.0.1:${port}`, LOG_LEVEL: 'info' };
  return startServe(configFile, environment);
}

function printStart(what: string, { healthyAfterMs, storeMs = Number.NaN }: ServeProcess): void {
  print(`  start with ${what}: /health answers after ${healthyAfterMs.toFixed(0)} ms, of which the store `);
  print(`took ${storeMs.toFixed(0)} ms\n`);
}

function judge(what: string, value: number, most: number, unit: string, eventsPerChunk: number): void {
  const answer = value <= most ? 'yes' : 'NO';
  verdicts.push(`chunks of ${eventsPerChunk}: ${what} <= ${most} ${unit}: ${answer}, ${value.toFixed(0)}\n`);
}

function nodeStartMs(): number {
  const startedAt = performance.now();
  spawnSync(process.execPath, ['-e', '0']);
  return performance.now() - startedAt;
}

function describe({ rss, anon, file }: ProcessMemory): string {
  return `resident ${rss.toFixed(0)} MiB: its own ${anon.toFixed(0)}, files ${file.toFixed(0)}`;
}

function perSecond(count: number, ms: number): string {
  return ((count / ms) * 1_000).toFixed(0);
}

function print(text: string): void {
  process.stdout.write(text);
}
