import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { brotliCompressSync, deflateSync, gzipSync } from 'node:zlib';

import { afterEach, describe, expect, it, jest } from '@jest/globals';

import { ask, basic, ingest } from '../support/http-client.js';
import { runCli, startCli, type CliOptions, type RunningCli } from '../support/run-cli.js';

// Each command is a process of its own; on a busy machine they take their time.
jest.setTimeout(60_000);

const started: RunningCli[] = [];

afterEach(async () => {
  for (const running of started) running.kill('SIGKILL');
  await Promise.all(started.map(({ ended }) => ended));
  started.length = 0;
});

function start(args: readonly string[], options: CliOptions): RunningCli {
  const running = startCli(args, options);
  started.push(running);
  return running;
}

interface Sandbox {
  readonly running: RunningCli;
  readonly dataUrl: string;
  readonly operatorUrl: string;
  readonly simulatorUrl: string;
}

async function startSandbox(options: CliOptions = {}): Promise<Sandbox> {
  // What is not stored is answered when Heap has it.
  const env = { PORT: '0', METRICS_PORT: '0', ALLOW_VOLATILE: '1', ...options.env };
  const running = start(['serve'], { ...options, env });
  const [serving, sandbox] = await Promise.all([
    running.logged('serving'),
    running.logged('SANDBOX: no event reaches Heap'),
  ]);
  expect(serving).toMatchObject({ event: 'listening', mode: 'sandbox' });
  await isUp(serving);
  return {
    running,
    dataUrl: String(serving.dataUrl),
    operatorUrl: String(serving.operatorUrl),
    simulatorUrl: String(sandbox.simulatorUrl),
  };
}

/** The answer comes after the line that says so, so whatever is set up with that line is set up by then. */
async function isUp({ operatorUrl }: Readonly<Record<string, unknown>>): Promise<void> {
  expect((await ask(`${String(operatorUrl)}/health`)).status).toBe(200);
}

const headers = { authorization: basic('sandbox:') };

describe('serve', () => {
  it('runs in a sandbox without a configuration, takes events and ends with 0 on SIGTERM', async () => {
    const { running, dataUrl, operatorUrl, simulatorUrl } = await startSandbox();
    const answer = await ingest(dataUrl, '/v1/track', { userId: 'ann@example.com', event: 'Hello' }, { headers });
    expect(answer.json).toMatchObject({ delivered: 1 });
    const { text } = await ask(`${simulatorUrl}/_simulator/events?app_id=1000000001`);
    expect(JSON.parse(text)).toMatchObject({ total: 1, events: [{ event: 'Hello' }] });
    expect((await ask(`${operatorUrl}/health`)).status).toBe(200);
    running.kill('SIGTERM');
    const { code, stdout, stderr } = await running.ended;
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toContain('"event":"stopped","remaining":0');
    expect(stdout).not.toContain('ann@example.com');
  });

  it('ends with 1 when it had to leave events with their senders', async () => {
    const { running, dataUrl, simulatorUrl } = await startSandbox();
    const rule = JSON.stringify({ action: { hang: true } });
    await ask(`${simulatorUrl}/_simulator/faults`, { method: 'POST', body: rule });
    const waiting = ingest(dataUrl, '/v1/track', { userId: 'ann', event: 'Hello' }, { headers });
    let requests: unknown = {};
    while (JSON.stringify(requests) === '{}') {
      const { text } = await ask(`${simulatorUrl}/_simulator/stats`);
      ({ requests } = JSON.parse(text) as { readonly requests: unknown });
    }
    running.kill('SIGTERM');
    await running.logged('no new requests are taken; delivering what is there');
    running.kill('SIGTERM');
    expect((await waiting).status).toBe(503);
    expect((await running.ended).code).toBe(1);
  });

  it('can be configured by the environment alone', async () => {
    const env = { PORT: '0', METRICS_PORT: '0', HEAP_APP_ID: '42', WRITE_KEY: 's3cret', HEAP_REGION: 'eu' };
    const running = start(['serve'], { env });
    const serving = await running.logged('serving');
    expect(serving).toMatchObject({
      mode: 'live',
      connections: [{ id: 'default', appId: '42', region: 'eu' }],
      heap: { us: 'https://heapanalytics.com', eu: 'https://c.eu.heap-api.com' },
    });
    await isUp(serving);
    running.kill('SIGINT');
    const { code, stdout } = await running.ended;
    expect(code).toBe(0);
    expect(stdout).not.toContain('s3cret');
  });

  it('refuses a broken configuration with 2 and names every fault', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'servers-'));
    writeFileSync(join(folder, 'c.yaml'), 'connections: [{ id: web, writeKey: k, appId: 7 }]\nserver: { port: -1 }\n');
    const result = await runCli(['serve', '--config', 'c.yaml'], { cwd: folder });
    const byEnvironment = await runCli(['serve'], { cwd: folder, env: { HEAP_DESTINATION_CONFIG: 'c.yaml' } });
    rmSync(folder, { recursive: true });
    expect(result).toMatchObject({ code: 2, stdout: '' });
    const [title, ...faults] = result.stderr.trimEnd().split('\n');
    expect(title).toBe('The configuration has 2 faults:');
    expect(faults.sort()).toEqual([
      expect.stringMatching(/^ {2}c\.yaml:1:46: connections\[0\]\.appId must be string /),
      '  c.yaml:2:17: server.port must be >= 0',
    ]);
    expect(byEnvironment).toEqual(result);
  });

  it.each([
    [{ PORT: 'x' }, /PORT must be a port/],
    [{ HEAP_APP_ID: '42' }, /WRITE_KEY must be set/],
  ])('refuses the environment %j with 2 and one sentence', async (env, message) => {
    const { code, stderr } = await runCli(['serve'], { env });
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
    expect(code).toBe(2);
  });

  it('tells that it does not know a log level, and logs at info', async () => {
    const { running } = await startSandbox({ env: { LOG_LEVEL: 'loud' } });
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: expect.stringMatching(/^LOG_LEVEL .*"loud"/) });
  });

  it('says that a port is taken and ends with 2', async () => {
    const taken = createServer();
    await new Promise<void>((resolve) => {
      taken.listen(0, resolve);
    });
    const PORT = String((taken.address() as AddressInfo).port);
    const result = await runCli(['serve'], { env: { PORT, METRICS_PORT: '0' } });
    await new Promise((resolve) => taken.close(resolve));
    expect(result).toMatchObject({ code: 2, stdout: '', stderr: expect.stringMatching(/^Can't start: .*EADDRINUSE/) });
  });

  it.each([
    ['gzip', gzipSync],
    ['deflate', deflateSync],
    ['br', brotliCompressSync],
  ])('refuses a %s bomb without unpacking it', async (encoding, compress) => {
    const { dataUrl } = await startSandbox({ node: ['--max-old-space-size=128'] });
    const bomb = compress(Buffer.alloc(200 * 1024 * 1024, ' '));
    const bombHeaders = { ...headers, 'content-encoding': encoding };
    const { status, json } = await ingest(dataUrl, '/v1/batch', bomb, { headers: bombHeaders });
    expect([status, json.error?.reason]).toEqual([413, 'body_too_large']);
  });

  const depth = 30_000;

  it.each([
    ['a list nested in lists', `{"batch":[${'['.repeat(4_000_000)}${']'.repeat(4_000_000)}]}`],
    ['an object nested in objects', `{"batch":[${'{"a":'.repeat(500_000)}1${'}'.repeat(500_000)}]}`],
    ['repeated keys far down', `{"batch":[${'['.repeat(depth)}{${'"a":0,'.repeat(depth)}"a":0}${']'.repeat(depth)}]}`],
    ['repeated keys beside many events', `{${'"a":0,'.repeat(400_000)}"batch":[${'{},'.repeat(400_000)}{}]}`],
    ['more events than anybody sends', `{"batch":[${'0,'.repeat(2_000_000)}0]}`],
  ])('outlives a body of %s, and does not let the others wait for it', async (_name, body) => {
    const { dataUrl, operatorUrl } = await startSandbox({ node: ['--max-old-space-size=512'] });
    const answer = await ingest(dataUrl, '/v1/batch', body, { headers });
    expect(answer.status).toBeLessThan(500);
    expect((await ask(`${operatorUrl}/health`)).status).toBe(200);
  });
});

describe('simulator', () => {
  it('listens where it is told to, answers as Heap does and ends with 0', async () => {
    const running = start(['simulator', '--port', '0', '--seed', '7'], {});
    const { url } = await running.logged('a simulator of Heap; see /_simulator/');
    const body = JSON.stringify({ app_id: '1', identity: 'ann', event: 'Hello' });
    const answer = await ask(`${String(url)}/api/track`, { method: 'POST', body });
    expect([answer.status, answer.text]).toEqual([200, '{}']);
    running.kill('SIGTERM');
    expect(await running.ended).toMatchObject({ code: 0, stderr: '' });
  });
});
