import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

import { compare, type Received } from './compare.js';
import { connections } from './connections.js';
import { readExpectation, type Expectation } from './expectation.js';
import { expectedFacts } from './generator/expect.js';
import { tellStory } from './generator/story.js';
import type { HeapFacts } from './heap-facts.js';
import type { JsonObject } from './json.js';
import { printSummary, printVerdict, printWhatNext } from './print-summary.js';
import { showProgress } from './progress.js';
import { readDeadLetters } from './read-dead-letters.js';
import { increase, readMetrics } from './read-metrics.js';
import { readHeapFacts, readStats } from './read-simulator.js';
import { repositoryRoot } from './repository-root.js';
import { sendBatch, type Batch } from './send-batch.js';
import { startChild, type Child } from './start-child.js';
import { streamEvents } from './stream-events.js';
import { Tally } from './tally.js';
import { waitUntilSettled } from './wait-until-settled.js';

const root = repositoryRoot();
const print = (text: string): void => void process.stdout.write(text);

/**
 * Sends the demo's events through the service to a simulated Heap and holds what arrived against `expected.json`. The
 * demo knows both programs from the outside only: it starts them and speaks HTTP.
 *
 * @returns the exit code: 0 when everything is as expected.
 */
async function runDemo(interruption: AbortSignal, stays: boolean): Promise<number> {
  const children: Child[] = [];
  const dataDir = await mkdtemp(join(tmpdir(), 'heap-destination-demo-'));
  const ending = new AbortController();
  const signal = AbortSignal.any([interruption, ending.signal]);
  const start = async (
    name: string,
    args: readonly string[],
    env: Readonly<Record<string, string>>,
  ): Promise<Child> => {
    const child = await startChild({
      name,
      command: process.execPath,
      args: [fileURLToPath(new URL('dist/cli/main.js', root)), ...args],
      cwd: root,
      // Whatever the caller's level is: the line with the addresses is wanted.
      env: { LOG_LEVEL: 'info', ...env },
      signal,
    });
    children.push(child);
    signal.throwIfAborted();
    return child;
  };
  try {
    const simulator = await start('the simulator', ['simulator', '--port', '0'], {});
    const simulatorUrl = urlIn(simulator.listening, 'url');
    const service = await start('the service', ['serve', '--config', 'demo/config.yaml'], {
      PORT: '0',
      METRICS_PORT: '0',
      HEAP_API_URL_US: simulatorUrl,
      DATA_DIR: dataDir,
      // Wherever the caller's own service keeps its events: these are not for it.
      DATABASE_URL: '',
      ALLOW_VOLATILE: '',
    });
    const urls = {
      simulatorUrl,
      dataUrl: urlIn(service.listening, 'dataUrl'),
      operatorUrl: urlIn(service.listening, 'operatorUrl'),
    };
    print(`A simulated Heap listens on ${simulatorUrl}, the service on ${urls.dataUrl}.\n`);
    print(`The service stores events in ${dataDir} before it confirms them.\n`);
    const code = await Promise.race([play(urls, signal), simulator.failure, service.failure]);
    if (stays) {
      print(
        `\nStill up: ${urls.operatorUrl}/metrics, ${urls.operatorUrl}/dead-letters and ` +
          `${simulatorUrl}/_simulator/state. Ctrl-C ends it.\n`,
      );
      await Promise.race([aborted(signal), simulator.failure, service.failure]);
    }
    return code;
  } finally {
    ending.abort();
    // The service first: it may still have something to deliver.
    for (const child of children.reverse()) await child.stop();
    await rm(dataDir, { recursive: true, force: true });
  }
}

interface Urls {
  readonly simulatorUrl: string;
  readonly dataUrl: string;
  readonly operatorUrl: string;
}

async function play({ simulatorUrl, dataUrl, operatorUrl }: Urls, signal: AbortSignal): Promise<number> {
  const expected = await readExpectation(new URL('demo/expected.json', root));
  const before = await readMetrics(operatorUrl);
  const startedAt = Date.now();
  const tally = await sendAll(dataUrl, expected, signal);
  const seconds = (Date.now() - startedAt) / 1000;
  print('  Every event is answered; waiting until the service has delivered what it stored.\n');
  await waitUntilSettled(operatorUrl, { signal });

  const heap = new Map<string, HeapFacts>();
  for (const { appId } of Object.values(connections)) {
    heap.set(appId, await readHeapFacts(simulatorUrl, appId, startedAt));
  }
  const traffic = tally.traffic();
  const received: Received = {
    answers: tally.answers(),
    repeatedRequests: traffic.repeatedRequests,
    heap,
    stats: await readStats(simulatorUrl),
    letters: await readDeadLetters(operatorUrl),
    metrics: increase(await readMetrics(operatorUrl), before),
  };
  const differences = compare(expected, received, expectedFacts(tellStory()));
  printSummary({ expected, received, traffic, seconds }, print);
  printVerdict(differences, print);
  if (differences.length > 0) return 1;
  printWhatNext(print);
  return 0;
}

async function sendAll(dataUrl: string, { events }: Expectation, signal: AbortSignal): Promise<Tally> {
  const tally = new Tally();
  const progress = showProgress(events, process.stdout);
  const send = async (batch: Batch): Promise<void> => {
    tally.add(batch, await sendBatch(dataUrl, batch, signal));
    progress.update(tally.events);
  };
  try {
    await streamEvents(new URL('demo/events.ndjson', root), send);
  } finally {
    progress.stop();
  }
  return tally;
}

function urlIn(listening: JsonObject, field: string): string {
  const url = listening[field];
  if (typeof url !== 'string') throw new Error(`expected "${field}" in ${JSON.stringify(listening)}`);
  return url;
}

function aborted(signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (signal.aborted) resolve();
    signal.addEventListener('abort', () => {
      resolve();
    });
  });
}

const interruption = new AbortController();
for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(name, () => {
    interruption.abort();
  });
}
try {
  process.exitCode = await runDemo(interruption.signal, process.argv.includes('--stay'));
} catch (error) {
  if (interruption.signal.aborted) {
    process.exitCode = 130;
  } else {
    print(`\nThe demo failed: ${error instanceof Error ? error.message : String(error)}\n`);
    process.exitCode = 1;
  }
}
