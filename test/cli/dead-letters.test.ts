import { afterEach, describe, expect, it, jest } from '@jest/globals';
import { Registry } from 'prom-client';

import { Adjustments } from '../../src/core/adjustments.js';
import { defaultDeliveryLogBounds, DeliveryLog } from '../../src/core/durable/delivery-log.js';
import { isJsonObject, type Json } from '../../src/core/json/json.js';
import { StoreFull } from '../../src/core/store/store-full.js';
import { StoreUnavailable } from '../../src/core/store/store-unavailable.js';
import type { TransformResult } from '../../src/core/transform-result.js';
import { createOperatorApp, type OperatorAppOptions } from '../../src/http/operator-app.js';
import { listen, type Listener } from '../../src/service/listen.js';
import { letterOf, MemoryDeadLetters } from '../support/memory-dead-letters.js';
import { laneTo, trackOf } from '../support/operations.js';
import { runCli, type CliOptions, type CliResult } from '../support/run-cli.js';
import { VirtualClock } from '../support/virtual-clock.js';

// Each command is a process of its own; on a busy machine they take their time.
jest.setTimeout(120_000);

const clock = new VirtualClock(Date.UTC(2026, 2, 11));
const listeners: Listener[] = [];

afterEach(async () => {
  for (const listener of listeners) listener.destroy();
  await Promise.all(listeners.map((listener) => listener.close()));
  listeners.length = 0;
});

function transform(event: Json): TransformResult {
  const userId = isJsonObject(event) && typeof event.userId === 'string' ? event.userId : undefined;
  if (userId === undefined) return { outcome: 'rejected', reason: 'identity_missing', detail: 'nobody' };
  return { outcome: 'mapped', operations: [trackOf(userId, 'Paid')], adjustments: new Adjustments() };
}

async function serve(letters: MemoryDeadLetters, options: Partial<OperatorAppOptions> = {}): Promise<string> {
  const app = createOperatorApp({
    ...{ registry: new Registry(), version: '1', isStopping: () => false },
    deadLetters: { letters, connectionOf: () => ({ lane: laneTo('11'), transform }), clock },
    ...options,
  });
  const listener = await listen(app, 0, '127.0.0.1');
  listeners.push(listener);
  return listener.url;
}

function run(url: string, args: readonly string[], options: CliOptions = {}): Promise<CliResult> {
  return runCli(args, { ...options, env: { OPERATOR_URL: url, ...options.env } });
}

function many(count: number): MemoryDeadLetters {
  return new MemoryDeadLetters(Array.from({ length: count }, (_, index) => letterOf(index)));
}

describe('dead-letters', () => {
  it('lists letters in a table, filtered and in pages', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2, { detail: 'red \u001b[31m\nnews' })]);
    const [first = '', second = ''] = letters.ids;
    const url = await serve(letters);
    const all = await run(url, ['dead-letters', 'list']);
    expect(all).toMatchObject({ code: 0, stderr: '' });
    const [header = '', one = '', two = ''] = all.stdout.split('\n');
    expect(header).toMatch(/^ID +REJECTED +LANE +CONNECTION +REASON +MESSAGE ID +DETAIL$/);
    expect(one).toMatch(/2026-03-10T12:00:01\.000Z {2}us:11 {2}web +heap_rejected {2}m-1 +HTTP 400 no$/);
    expect(one.startsWith(first)).toBe(true);
    expect(two).toMatch(/red ·\[31m·news$/);
    expect(await run(url, ['dead-letters', 'list', '--limit', '1'])).toMatchObject({
      code: 0,
      stderr: `there are more: --after ${first}\n`,
    });
    const json = await run(url, ['dead-letters', 'list', '--json', '--after', first, '--app-id', '11']);
    expect(JSON.parse(json.stdout)).toMatchObject({ id: second, event: { userId: 'user 2' } });
    const none = await run(url, ['dead-letters', 'list', '--message-id', 'nowhere']);
    expect(none).toMatchObject({ code: 0, stdout: '', stderr: 'no dead letter matches\n' });
  });

  it('shows one letter with its event, and counts all', async () => {
    const letters = new MemoryDeadLetters([letterOf(1, { delivered: ['abc'] }), letterOf(2)]);
    const url = await serve(letters);
    const shown = await run(url, ['dead-letters', 'show', letters.ids[0] ?? '']);
    expect(shown.stdout).toMatch(
      /^id +0.*\nlane +us:11\n(.*\n)*delivered +1 operations, which.*\nevent\n\{\n {2}"type": "track"/,
    );
    expect(await run(url, ['dead-letters', 'show', 'none'])).toMatchObject({
      code: 1,
      stderr: 'there is no dead letter none\n',
    });
    const stats = await run(url, ['dead-letters', 'stats']);
    expect(stats.stdout).toMatch(
      /^2 letters, \d+ bytes, the oldest of 2026-03-10T12:00:01\.000Z\n\nLETTERS.*\n2 +heap_rejected +web\n$/,
    );
  });

  it('exports letters a line each, and says so where the export breaks off', async () => {
    const letters = many(120);
    const url = await serve(letters);
    const whole = await run(url, ['dead-letters', 'export', '--reason', 'heap_rejected']);
    expect(whole).toMatchObject({ code: 0, stderr: '120 letters\n' });
    expect(
      whole.stdout
        .trimEnd()
        .split('\n')
        .map((line) => (JSON.parse(line) as { id: unknown }).id),
    ).toEqual(letters.ids);
    let lists = 0;
    letters.fail = () => {
      lists += 1;
      if (lists > 1) throw new StoreUnavailable();
    };
    const broken = await run(url, ['dead-letters', 'export']);
    expect(broken).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(/^the export broke off after \d+ letters\n$/),
    });
    expect(await run(url, ['dead-letters', 'export'])).toMatchObject({
      code: 1,
      stdout: '',
      stderr: expect.stringContaining('store'),
    });
    expect(await run(url, ['dead-letters', 'export', '--since', 'soon'])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/^"since" is a time/),
    });
  });

  it('replays letters in requests of a bounded size, and says what became of them', async () => {
    const letters = many(2_300);
    letters.add(letterOf(5_000, { event: '{"type":"track"}' }));
    const url = await serve(letters);
    const dry = await run(url, ['dead-letters', 'replay', '--connection', 'web', '--dry-run', '--limit', '2']);
    expect(dry.code).toBe(0);
    expect(dry.stdout).toMatch(
      /^VERDICT +ID +MESSAGE ID +WHY\nwould_replay .* m-0 +track\nwould_replay .* m-1 +track\n\n2 letters: 2 would_replay\n$/,
    );
    const real = await run(url, ['dead-letters', 'replay', '--all']);
    expect(real).toMatchObject({ code: 1, stderr: '' });
    expect(real.stdout).toContain('2301 letters: 2300 replayed, 1 would_reject');
    expect(letters.requeued).toHaveLength(2_300);
    const one = await run(url, ['dead-letters', 'replay', ...letters.ids, '--json']);
    expect([one.code, JSON.parse(one.stdout)]).toMatchObject([1, { letters: 1, counts: { would_reject: 1 }, more: 0 }]);
  });

  it('replays no letter that was written after it began', async () => {
    const letters = many(2_500);
    letters.fail = (call) => {
      if (call !== 'requeue') return;
      // What was put back is rejected anew.
      letters.add(letterOf(letters.requeued.length, { rejectedAt: clock.now() }));
      clock.jump(1_000);
    };
    const url = await serve(letters);
    const { code, stdout } = await run(url, ['dead-letters', 'replay', '--all']);
    expect([code, stdout]).toEqual([0, '2500 letters: 2500 replayed\n']);
    expect(letters.ids).toHaveLength(50);
  });

  it('stops a replay when the store is full, and says how far it came', async () => {
    const letters = many(1_500);
    let calls = 0;
    letters.fail = (call) => {
      if (call === 'requeue' && (calls += 1) > 25) throw new StoreFull();
    };
    const url = await serve(letters);
    const { code, stdout, stderr } = await run(url, ['dead-letters', 'replay', '--all']);
    expect([code, stdout]).toEqual([1, '1250 letters: 1250 replayed\n']);
    expect(stderr).toMatch(/^it broke off: the store is full/);
  });

  it('discards letters, when somebody who can be asked says yes', async () => {
    const letters = many(3);
    const [first = ''] = letters.ids;
    const url = await serve(letters);
    expect(await run(url, ['dead-letters', 'discard', first])).toMatchObject({
      code: 2,
      stderr: 'this discards 1 letter for good; say --yes\n',
    });
    expect((await run(url, ['dead-letters', 'discard', '--all', '--dry-run'])).stdout).toBe(
      '3 letters: 3 would_discard\n',
    );
    expect(letters.ids).toHaveLength(3);
    expect((await run(url, ['dead-letters', 'discard', first, '--yes'])).stdout).toBe('1 letter: 1 discarded\n');
    expect((await run(url, ['dead-letters', 'discard', '--all', '--yes'])).stdout).toBe('2 letters: 2 discarded\n');
    expect(letters.ids).toEqual([]);
  });

  it.each([
    [['dead-letters', 'replay'], /^say which: ids/],
    [['dead-letters', 'discard', 'x', '--all'], /^give ids, filters or --all: one of them/],
    [['dead-letters', 'list', '--reason', 'nope'], /^"reason" is one of/],
    [['dead-letters', 'list', '--limit', 'x'], /whole number/],
    [['dead-letters', 'list', '--colour'], /unknown option/],
    [['dead-letters', 'nonsense'], /unknown command/],
    [['dead-letters', 'stats', '--operator', 'ftp://x'], /is no URL of an operator port/],
    [['trace'], /^say which event/],
    [['trace', 'm', '--operator', 'nowhere'], /"nowhere" is no URL/],
  ])('refuses %j with 2 and says why', async (args, message) => {
    const url = await serve(many(1));
    const { code, stdout, stderr } = await run(url, args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });

  it('says so where no service answers, or one without dead letters', async () => {
    const gone = await serve(many(1));
    await listeners.pop()?.close();
    const nobody = await run(gone, ['dead-letters', 'list']);
    expect(nobody).toMatchObject({
      code: 2,
      stderr: `no service answers at ${gone} (ECONNREFUSED); give the URL of its operator port with --operator or OPERATOR_URL\n`,
    });
    const app = createOperatorApp({ registry: new Registry(), version: '1', isStopping: () => false });
    const bare = await listen(app, 0, '127.0.0.1');
    listeners.push(bare);
    expect(await run('http://127.0.0.1:1', ['dead-letters', 'stats', '--operator', bare.url])).toMatchObject({
      code: 2,
      stderr: expect.stringMatching(/has no dead-letters: it runs without a store/),
    });
  });
});

describe('trace', () => {
  function delivered(): DeliveryLog {
    const log = new DeliveryLog(defaultDeliveryLogBounds, () => Date.UTC(2026, 2, 10, 12, 0, 1));
    const operation = { ...trackOf('user 1', 'Paid'), keys: ['identity "user 1'] as const };
    const facts = {
      lane: 'us:11',
      connection: 'web',
      messageId: 'm-1',
      type: 'track',
      receivedAt: Date.UTC(2026, 2, 10, 12),
    };
    const event = log.begin({ ...facts, operations: [operation] });
    const attempt = {
      kind: 'track',
      items: 1,
      at: Date.UTC(2026, 2, 10, 12),
      seconds: 0.25,
      status: 200,
      outcome: 'delivered',
    } as const;
    event.onAttempt({ requestId: 'r1', ...attempt, detail: '' }, operation);
    event.settle({ type: 'delivered' });
    return log;
  }

  it('says what became of an event, asking each replica', async () => {
    const knows = await serve(many(0), { log: delivered() });
    const other = await serve(many(0));
    const sentence = 'delivered to Heap app 11 in 1 attempt, 2026-03-10T12:00:01.000Z';
    const one = await run(knows, ['trace', 'm-1']);
    expect(one).toMatchObject({ code: 0, stderr: '' });
    expect(one.stdout.split('\n')).toEqual([
      sentence,
      '',
      'track m-1 of web, lane us:11, received 2026-03-10T12:00:00.000Z',
      '  track {"identity":"user 1","event":"Paid","properties":{}}',
      '  2026-03-10T12:00:00.000Z  200 delivered  (track, 1 item, 0.250 s, request r1)',
      '',
    ]);
    const all = await run('', ['trace', '--identity', 'user 1', '--operator', other, '--operator', knows]);
    expect(all.code).toBe(0);
    expect(all.stdout).toContain(`${other}\nnot known here`);
    expect(all.stdout).toContain(`${knows}\n${sentence}`);
    const down = await run(`${knows},http://127.0.0.1:1`, ['trace', 'm-1', '--json']);
    expect([down.code, JSON.parse(down.stdout)]).toMatchObject([0, { operator: knows, summary: sentence }]);
    expect(down.stderr).toMatch(/^no service answers at http:\/\/127\.0\.0\.1:1 /);
    expect(await run(other, ['trace', 'm-1'])).toMatchObject({
      code: 1,
      stdout: expect.stringMatching(/^not known here/),
    });
  });
});
