import { describe, expect, test } from '@jest/globals';

import { ChildError, startChild, type Child, type ChildOptions } from '../../demo/start-child.js';

function start(script: string, options: Partial<ChildOptions> = {}): Promise<Child> {
  return startChild({
    name: 'the child',
    command: process.execPath,
    args: ['-e', script],
    cwd: new URL('../../', import.meta.url),
    env: {},
    signal: new AbortController().signal,
    ...options,
  });
}

/** What the promise rejects with. */
async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  return promise.then(
    () => undefined,
    (error: unknown) => error,
  );
}

const listen = `console.log('{"event":"listening","url":"http://127.0.0.1:1"}');`;

describe('starting a child', () => {
  test('waits for the line that says that it listens', async () => {
    const child = await start(
      `console.log('booting'); console.log('{"event":"other"}'); ${listen} setInterval(() => {}, 1e3)`,
    );

    expect(child.listening.url).toBe('http://127.0.0.1:1');
    await child.stop();
  });

  test('gives the environment on, with what is added to it', async () => {
    const child = await start(
      `console.log(JSON.stringify({event: 'listening', url: process.env.ADDED, path: process.env.PATH}))`,
      { env: { ADDED: 'yes' } },
    );

    expect(child.listening).toMatchObject({ url: 'yes', path: process.env.PATH });
    await child.stop();
  });

  test('shows the output of a child that ends early', async () => {
    const error = await failureOf(start(`console.log('out'); console.error('no such file'); process.exit(3)`));

    expect(error).toBeInstanceOf(ChildError);
    expect((error as ChildError).message).toMatch(/^the child ended with code 3; its last output:\n/);
    expect((error as ChildError).message).toContain('  out');
    expect((error as ChildError).message).toContain('  no such file');
  });

  test('gives up a child that stays silent, and ends it', async () => {
    const error = await failureOf(start('setInterval(() => {}, 1e3)', { startTimeoutMs: 300 }));

    expect((error as ChildError).message).toBe('the child did not listen within 0.3 s; no output');
  });

  test('says when a program can’t be started', async () => {
    const error = await failureOf(start('', { command: '/no/such/program' }));

    expect((error as ChildError).message).toMatch(/^the child could not be started: .*ENOENT/);
  });

  test('stops waiting when it is told to', async () => {
    const controller = new AbortController();
    const starting = start('setInterval(() => {}, 1e3)', { signal: controller.signal });
    controller.abort();

    expect(await failureOf(starting)).toBeInstanceOf(ChildError);
  });
});

describe('a child that runs', () => {
  test('is reported when it ends unasked', async () => {
    const child = await start(`${listen} console.error('out of luck'); process.exitCode = 7`);
    const error = await failureOf(child.failure);

    expect((error as ChildError).message).toMatch(/^the child ended with code 7; [^]*out of luck/);
    await child.stop();
  });

  test('is killed when it does not end by itself', async () => {
    const child = await start(`process.on('SIGTERM', () => {}); ${listen} setInterval(() => {}, 1e3)`, {
      stopTimeoutMs: 200,
    });

    await expect(child.stop()).resolves.toBeUndefined();
  });
});
