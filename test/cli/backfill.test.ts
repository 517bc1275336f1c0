import { createWriteStream, existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { gzipSync } from 'node:zlib';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { startSimulator, type Simulator } from '../../src/destinations/heap/simulator/start-simulator.js';
import { runCli, startCli, type CliOptions, type CliResult, type RunningCli } from '../support/run-cli.js';
import { appId, startTestService, type ServiceOptions, type TestService } from '../support/running-service.js';
import { until } from '../support/sockets/until.js';

// Each command is a process of its own; on a busy machine they take their time.
jest.setTimeout(120_000);

const noLimits = {
  eventsPerAppPerMinute: null,
  eventsPerIdentityPerMinute: null,
  requestsPerIdentityPer30Seconds: null,
};

let folder: string;
let heap: Simulator;
const closing: (() => Promise<unknown>)[] = [];

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'backfill-'));
  heap = await startSimulator({ limits: { bulkTrackPerApp: null, bulkTrackPerIdentity: null } });
  closing.push(() => heap.close());
  // JSON is YAML.
  writeFileSync(
    join(folder, 'config.yaml'),
    JSON.stringify({
      connections: [
        { id: 'main', writeKey: 'key', appId },
        { id: 'other', writeKey: 'other', appId: '43' },
      ],
      store: { dataDir: 'data' },
      batching: { lingerMs: 1 },
      delivery: { rateLimits: noLimits },
    }),
  );
});

afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
  rmSync(folder, { recursive: true });
});

async function startService(options: ServiceOptions): Promise<TestService> {
  const service = await startTestService({ heapUrl: heap.url, ...options });
  closing.push(() => service.close());
  return service;
}

function line(id: number): string {
  const timestamp = new Date(Date.UTC(2024, 2, 10) + id * 1_000).toISOString();
  // Without a messageId: it is made.
  return JSON.stringify({ type: 'track', userId: `user ${id % 100}`, event: `Event ${id}`, timestamp });
}

function write(lines: readonly string[], isGzip = false): void {
  const text = `${lines.join('\n')}\n`;
  writeFileSync(join(folder, 'history'), isGzip ? gzipSync(text) : text);
}

function lines(count: number): readonly string[] {
  return Array.from({ length: count }, (_, id) => line(id));
}

const args = (...more: readonly string[]): readonly string[] => [
  ...['backfill', 'history', '--config', 'config.yaml', '--connection', 'main'],
  ...more,
];

function options(): CliOptions {
  return { cwd: folder, env: { HEAP_API_URL_US: heap.url } };
}

function run(...more: readonly string[]): Promise<CliResult> {
  return runCli(args(...more), options());
}

function start(...more: readonly string[]): RunningCli {
  const running = startCli(args(...more), options());
  closing.push(() => {
    running.kill('SIGKILL');
    return running.ended;
  });
  return running;
}

function checkpoint(): { readonly line: number; readonly isFinished: boolean } {
  const path = join(folder, 'history.backfill.json');
  return existsSync(path)
    ? (JSON.parse(readFileSync(path, 'utf8')) as ReturnType<typeof checkpoint>)
    : { line: 0, isFinished: false };
}

/** Resolves when a file was written to so many times, as far as one sees. */
async function changes(path: string, count: number): Promise<void> {
  for (let change = 0; change < count; change += 1) {
    const before = statSync(path).mtimeMs;
    await until(() => statSync(path).mtimeMs !== before);
  }
}

function heapEvents(): readonly string[] {
  return (heap.heap.findApp(appId)?.events ?? []).map(({ event }) => event);
}

/** Every event of the file is at Heap, once, with the time that it had. */
function expectAll(count: number): void {
  const events = heap.heap.findApp(appId)?.events ?? [];
  expect(events).toHaveLength(count);
  expect(new Set(events.map(({ event }) => event)).size).toBe(count);
  expect(events.every(({ event, time }) => time === Date.UTC(2024, 2, 10) + Number(event.slice(6)) * 1_000)).toBe(true);
}

describe('a backfill that is killed and run again', () => {
  it.each([[false], [true]])('brings a file to the store, each event once (gzip: %j)', async (isGzip) => {
    const count = 10_000;
    write(lines(count), isGzip);
    const killed = start();
    // The checkpoint is written first: what is stored in the second after it is repeated.
    await until(() => existsSync(join(folder, 'history.backfill.json')));
    await changes(join(folder, 'data', 'data.mdb'), 5);
    killed.kill('SIGKILL');
    expect(await killed.ended).toMatchObject({ code: null, stdout: '' });
    expect(checkpoint().isFinished).toBe(false);
    const result = await run();
    expect([result.code, result.stdout]).toEqual([
      0,
      expect.stringMatching(/^Finished.*\n +lines +10000\n +stored +10000\n/),
    ]);
    expect(heapEvents()).toEqual([]);

    const service = await startService({
      store: { type: 'lmdb', dataDir: join(folder, 'data') },
      delivery: { rateLimits: noLimits },
    });
    await until(() => heapEvents().length >= count);
    await service.service.stop();
    expectAll(count);
  });

  it('brings a file to Heap, each event once', async () => {
    const count = 12_000;
    write(lines(count));
    // What Heap took and did not answer is repeated.
    heap.heap.faults.add({ match: { after: 3 }, action: { hang: true, stored: true } });
    const killed = start('--to', 'heap');
    await until(() => heap.heap.statistics().faultsApplied.hang > 0 && checkpoint().line > 0);
    killed.kill('SIGKILL');
    expect((await killed.ended).code).toBe(null);
    const before = checkpoint().line;
    expect([before > 0, before < count]).toEqual([true, true]);
    heap.heap.faults.clear();
    const result = await run('--to', 'heap', '--json');
    expect(JSON.parse(result.stdout)).toMatchObject({ outcome: 'finished', way: 'heap', counts: { taken: count } });
    expectAll(count);
  });

  it('brings a file through a running service, each event once', async () => {
    const count = 4_000;
    write(lines(count));
    const service = await startService({ delivery: { rateLimits: noLimits } });
    // Without a store, the service answers when Heap has answered: the whole file takes more than a second.
    heap.heap.faults.add({ action: { latencyMs: 300 } });
    const killed = start('--door', service.dataUrl);
    await until(() => checkpoint().line > 0);
    killed.kill('SIGKILL');
    expect((await killed.ended).code).toBe(null);
    expect([checkpoint().line % 500, checkpoint().line < count]).toEqual([0, true]);
    heap.heap.faults.clear();
    const result = await run('--door', service.dataUrl);
    expect([result.code, result.stdout]).toEqual([0, expect.stringMatching(/taken in +4000\n/)]);
    expectAll(count);
  });

  it('stops at a signal as well, and says how to go on', async () => {
    const count = 3_000;
    write(lines(count));
    heap.heap.faults.add({ match: { after: 1 }, action: { latencyMs: 1_000 } });
    const stopped = start('--to', 'heap');
    await until(() => heap.heap.statistics().faultsApplied.latency > 0);
    stopped.kill('SIGTERM');
    const { code, stdout, stderr } = await stopped.ended;
    const { line: passed } = checkpoint();
    expect([code, stdout]).toEqual([
      1,
      expect.stringContaining(
        `Stopped: it was interrupted.\nRun the same command again to go on behind line ${passed}.`,
      ),
    ]);
    expect(stderr).toContain('what is under way is waited for');
    heap.heap.faults.clear();
    expect((await run('--to', 'heap')).code).toBe(0);
    expectAll(count);
  });
});

describe('a backfill', () => {
  it('tells what it rejected, and leaves none of it behind as dead letters', async () => {
    write([line(0), 'no json', '', '{"type":"track","event":"E","userId":"ann"}', line(4)]);
    const { code, stdout, stderr } = await run();
    expect([code, stderr]).toEqual([1, `history to the store ${join(folder, 'data')}, us:${appId}\n`]);
    expect(stdout).toBe(
      `Finished: all of history is settled, at the store ${join(folder, 'data')}, us:${appId}.
  lines            5
  blank            1
  stored           2
  rejected         2 (json_malformed 1, required_field_missing 1)
Rejected events are in history.rejects.ndjson; none of them is a dead letter.
A service with this store delivers them; nothing else does.
`,
    );
    const rejects = readFileSync(join(folder, 'history.rejects.ndjson'), 'utf8').split('\n').slice(0, -1);
    expect(rejects.map((text) => JSON.parse(text) as unknown)).toMatchObject([
      { line: 2, reason: 'json_malformed', event: 'no json' },
      { line: 4, reason: 'required_field_missing', event: { type: 'track', event: 'E', userId: 'ann' } },
    ]);
    expect((await run()).stdout).toContain('was finished before');
    expect((await run('--restart', '--now-for-missing-timestamps')).stdout).toMatch(/stored +3\n +rejected +1 \(json/);
  });

  it('tells with --dry-run what would become of a file, and leaves nothing behind', async () => {
    write([...lines(2_500), 'no json', '{"type":"identify","userId":"ann","anonymousId":"a","traits":{"plan":"pro"}}']);
    const { code, stdout } = await run('--dry-run');
    expect([code, stdout]).toEqual([
      1,
      `Nothing was stored or sent. What would become of history:
  lines            2502
  events to send   2501
  operations       2502 (track 2500, identify 1, addUserProperties 1)
  rejected         1 (json_malformed 1)
  requests         5, about
`,
    ]);
    for (const name of ['history.backfill.json', 'history.rejects.ndjson', 'data']) {
      expect(existsSync(join(folder, name))).toBe(false);
    }
  });

  it('keeps its memory whatever the file is: long, and with a line that does not end', async () => {
    const out = createWriteStream(join(folder, 'history'));
    const text = 'x'.repeat(4_000);
    for (let id = 0; id < 12_000; id += 1) {
      out.write(`{"type":"track","userId":"ann","event":"E ${id}","timestamp":"2024-03-10","ignored":"${text}"}\n`);
      if (id % 100 === 0) await new Promise((resolve) => out.write('', resolve));
    }
    for (let megabyte = 0; megabyte < 60; megabyte += 1) {
      await new Promise((resolve) => out.write('y'.repeat(1_000_000), resolve));
    }
    out.end();
    await finished(out);
    const { code, stdout } = await runCli(args('--json'), { ...options(), node: ['--max-old-space-size=40'] });
    expect([code, JSON.parse(stdout)]).toMatchObject([
      1,
      { outcome: 'finished', counts: { lines: 12_001, taken: 12_000, rejected: { event_too_large: 1 } } },
    ]);
  });

  it('says how to go through a service that has the store open', async () => {
    await startService({ store: { type: 'lmdb', dataDir: join(folder, 'data') } });
    write([line(0)]);
    const { code, stdout, stderr } = await run();
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(
      /a service has the store .*data open \(.*\): go through it with --door http:\/\/127\.0\.0\.1:9090, or stop it/,
    );
  });

  it('refuses what can not be done with 2, and says why', async () => {
    const main = ['--connection', 'main'];
    const cases: readonly (readonly [readonly string[], RegExp])[] = [
      [[], /say which --connection: main, other/],
      [['--connection', 'nope'], /there is no connection "nope"; there is main, other/],
      [main, /history can not be read/],
      [[...main, '--rejects', 'history'], /three different files/],
      [[...main, '--door', 'nowhere'], /must be a URL/],
      [[...main, '--door', 'http://127.0.0.1:1', '--to', 'heap'], /cannot be used with/],
      [[...main, '--max-rejects', '-1'], /whole number/],
    ];
    for (const [more, message] of cases) {
      const started = await runCli(['backfill', 'history', '--config', 'config.yaml', ...more], options());
      expect([started.code, started.stdout]).toEqual([2, '']);
      expect(started.stderr).toMatch(message);
      expect(started.stderr).not.toMatch(/^ +at /m);
    }
  });
});
