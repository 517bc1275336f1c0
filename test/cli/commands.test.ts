import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { runCli, type CliResult } from '../support/run-cli.js';

// Each command is a process of its own; on a busy machine they take their time.
jest.setTimeout(120_000);

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'commands-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: unknown): string {
  const path = join(folder, name);
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function event(index: number, fields: Readonly<Record<string, unknown>> = {}): string {
  const whole = { type: 'track', userId: `user ${index}`, event: 'Paid', messageId: `m-${index}`, ...fields };
  return JSON.stringify({ ...whole, timestamp: '2026-03-10T12:00:00.000Z' });
}

function* lines(count: number, line: (index: number) => string): Generator<string> {
  for (let index = 0; index < count; index += 100) {
    let text = '';
    for (let at = index; at < Math.min(index + 100, count); at += 1) text += `${line(at)}\n`;
    yield text;
  }
}

function jsonLines({ stdout }: CliResult): readonly unknown[] {
  return stdout
    .split('\n')
    .slice(0, -1)
    .map((line) => JSON.parse(line) as unknown);
}

const config = `connections:
  - { id: web, writeKey: k1, appId: "42", region: eu }
  - { id: old, writeKey: k2, appId: "43", preset: rudderstack }
`;

describe('the command line', () => {
  it.each([
    [[]],
    [['serve']],
    [['simulator']],
    [['validate']],
    [['transform']],
    [['test-mapping']],
    [['backfill']],
    [['dead-letters']],
    [['trace']],
  ])('explains %j with examples', async (command) => {
    const { code, stdout, stderr } = await runCli([...command, '--help']);
    expect([code, stderr]).toEqual([0, '']);
    expect(stdout).toMatch(/Examples:\n( +\$ .*heap-destination .*\n)+|Examples:\n( +\$ .*\n)*.*heap-destination/);
  });

  it('tells its version', async () => {
    expect(await runCli(['--version'])).toMatchObject({ code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/) });
  });

  it.each([
    [['nonsense'], /unknown command 'nonsense'/],
    [['serve', '--nonsense'], /unknown option '--nonsense'/],
    [['validate'], /missing required argument/],
    [['transform', '--preset', 'nope'], /Allowed choices are heap, rudderstack/],
    [['transform', '--config', 'nowhere.yaml'], /nowhere\.yaml: can not be read/],
    [['test-mapping', 'nowhere'], /nowhere/],
    [['simulator', '--port', 'x'], /whole number/],
    [['simulator', '--port', '99999'], /99999/],
  ])('refuses %j with 2 and says why', async (args, message) => {
    const { code, stdout, stderr } = await runCli(args);
    expect([code, stdout]).toEqual([2, '']);
    expect(stderr).toMatch(message);
    expect(stderr).not.toMatch(/^ +at /m);
  });
});

describe('transform', () => {
  it('writes the requests that Heap would get', async () => {
    const result = await runCli(['transform'], { input: [`${event(1)}\n${event(2)}\n`], env: { HEAP_APP_ID: '42' } });
    expect(result).toMatchObject({ code: 0, stderr: '' });
    const item = (index: number): unknown => ({
      identity: `user ${index}`,
      event: 'Paid',
      timestamp: '2026-03-10T12:00:00.000Z',
      idempotency_key: `m-${index}`,
    });
    expect(jsonLines(result)).toMatchObject([
      {
        method: 'POST',
        url: 'https://heapanalytics.com/api/track',
        headers: { 'Content-Type': 'application/json' },
        body: { app_id: '42', events: [item(1), item(2)] },
      },
    ]);
  });

  it('shows what each event becomes, by the number of its line, and counts what was rejected', async () => {
    const input = [
      `${event(1)}\r\n\r\n`,
      'no json\n   \n',
      `${event(5, { userId: 'undefined' })}\n`,
      'null\n{"type":"identify","anonymousId":"a","traits":{"b":1}}\n',
      `{"type":"track","userId":"ann","event":"Paid","messageId":"m","properties":{"a":1,"a":2}}`,
    ];
    const result = await runCli(['transform', '--per-event'], { input });
    expect(result.code).toBe(1);
    expect(result.stderr).toBe('rejected: json_malformed 1, identity_placeholder 1, event_not_object 1\n');
    expect(jsonLines(result)).toMatchObject([
      { line: 1, messageId: 'm-1', operations: [{ kind: 'track', item: { identity: 'user 1' } }] },
      { line: 3, outcome: 'rejected', reason: 'json_malformed' },
      { line: 5, messageId: 'm-5', outcome: 'rejected', reason: 'identity_placeholder' },
      { line: 6, outcome: 'rejected', reason: 'event_not_object' },
      { line: 7, outcome: 'dropped', reason: 'anonymous_traits_unsupported' },
      { line: 8, operations: [{ kind: 'track' }], adjustments: expect.arrayContaining(['duplicate_key']) },
    ]);
  });

  it('writes the requests of the good events and counts the bad ones', async () => {
    const result = await runCli(['transform'], { input: ['{\n', `${event(1)}\n`, '7\n'] });
    expect(result).toMatchObject({
      code: 1,
      stderr: 'rejected: json_malformed 1, event_not_object 1 (--per-event shows which)\n',
    });
    expect(jsonLines(result)).toHaveLength(1);
  });

  it('has nothing to say about nothing', async () => {
    expect(await runCli(['transform'])).toMatchObject({ code: 0, stdout: '', stderr: '' });
  });

  it('uses the connection of a file that it is told to, the first one else', async () => {
    const path = write('config.yaml', config);
    const first = await runCli(['transform', '--config', path], { input: [event(1)] });
    expect(jsonLines(first)).toMatchObject([{ url: 'https://c.eu.heap-api.com/api/track', body: { app_id: '42' } }]);
    const second = await runCli(['transform', '--config', path, '--connection', 'old'], { input: [event(1)] });
    expect(jsonLines(second)).toMatchObject([{ url: 'https://heapanalytics.com/api/track', body: { app_id: '43' } }]);
    const none = await runCli(['transform', '--config', path, '--connection', 'new'], { input: [event(1)] });
    expect(none).toMatchObject({ code: 2, stderr: `${path} has no connection "new"; it has web, old\n` });
  });

  it.each([[['transform']], [['transform', '--per-event']]])(
    'ends quietly when the reader of %j leaves early',
    async (args) => {
      const result = await runCli(args, { input: lines(200_000, event), leaveEarly: true });
      expect(result).toMatchObject({ code: 0, stderr: '' });
    },
  );

  it.each([[['transform']], [['transform', '--per-event']]])(
    'needs no more memory for a long stream (%j)',
    async (args) => {
      const text = 'x'.repeat(900);
      const input = lines(45_000, (index) => event(index, { properties: { text, index } }));
      const { code, stderr, written } = await runCli(args, { input, node: ['--max-old-space-size=32'] });
      expect([code, stderr]).toEqual([0, '']);
      expect(written).toBeGreaterThan(40_000_000);
    },
  );

  it('needs no more memory for events that are large', async () => {
    const properties = Object.fromEntries(Array.from({ length: 900 }, (_, key) => [`k${key}`, 'y'.repeat(1_000)]));
    const large = event(1, { properties });
    const { code, stderr, written } = await runCli(['transform'], {
      input: lines(150, () => large),
      node: ['--max-old-space-size=64'],
    });
    expect([code, stderr.slice(0, 200)]).toEqual([0, '']);
    expect(written).toBeGreaterThan(130_000_000);
  });

  it('rejects a line without an end by itself, without keeping it, and goes on with the next one', async () => {
    function* input(): Generator<string> {
      const piece = 'x'.repeat(1_000_000);
      for (let count = 0; count < 150; count += 1) yield piece;
      yield `\n${event(2)}\n`;
    }
    const result = await runCli(['transform', '--per-event'], { input: input(), node: ['--max-old-space-size=64'] });
    expect([result.code, result.stderr.slice(0, 200)]).toEqual([1, 'rejected: event_too_large 1\n']);
    expect(jsonLines(result)).toMatchObject([
      { line: 1, reason: 'event_too_large' },
      { line: 2, messageId: 'm-2' },
    ]);
  });
});

describe('validate', () => {
  it('says what is right', async () => {
    const path = write('config.yaml', config);
    expect(await runCli(['validate', path])).toEqual(
      expect.objectContaining({ code: 0, stdout: `${path} is right: web → eu:42, old → us:43\n`, stderr: '' }),
    );
  });

  it('says everything that is wrong, a line each', async () => {
    write('config.yaml', config.replace('eu', 'mars').replace('k2', 'k1'));
    expect(await runCli(['validate', 'config.yaml'], { cwd: folder })).toMatchObject({
      code: 2,
      stdout: '',
      stderr: `config.yaml:2:51: connections[0].region must be one of "us","eu"
config.yaml:3:26: connections[1].writeKey is the same as that of connections[0]; each connection needs its own
`,
    });
  });
});

describe('test-mapping', () => {
  const passing = {
    description: 'an event of a user',
    event: { type: 'track', userId: 'ann', event: 'Paid', messageId: 'm', timestamp: '2026-03-10T12:00:00.000Z' },
    expected: {
      operations: [
        {
          kind: 'track',
          item: { identity: 'ann', event: 'Paid', timestamp: '2026-03-10T12:00:00.000Z', idempotency_key: 'm' },
        },
      ],
    },
  };
  const failing = { ...passing, event: { ...passing.event, userId: 'bob' } };

  it('passes', async () => {
    write('case.json', passing);
    mkdirSync(join(folder, 'more'));
    write('more/case.json', {
      description: 'no user',
      event: { type: 'track', event: 'A' },
      expected: { reason: 'identity_missing' },
    });
    write('_ignored.json', 'no json');
    expect(await runCli(['test-mapping', folder])).toMatchObject({
      code: 0,
      stdout: '2 passed, 0 failed\n',
      stderr: '',
    });
  });

  it('fails with the lines that differ', async () => {
    write('a.json', failing);
    write('b.json', passing);
    const { code, stdout } = await runCli(['test-mapping', folder]);
    expect(code).toBe(1);
    expect(stdout).toBe(
      `FAILED a.json: an event of a user
  -         "identity": "ann",
  +         "identity": "bob",
1 passed, 1 failed
`,
    );
  });

  it('writes what the mapping does into the cases that fail when it is told to, and spares the others', async () => {
    const changed = write('a.json', failing);
    const spared = write('b.json', passing);
    const { code, stdout } = await runCli(['test-mapping', folder, '--update']);
    expect([code, stdout]).toEqual([0, expect.stringMatching(/^updated a\.json[^]*\n1 passed, 1 updated\n$/)]);
    expect(JSON.parse(readFileSync(changed, 'utf8'))).toMatchObject({
      description: 'an event of a user',
      event: failing.event,
      expected: { operations: [{ item: { identity: 'bob' } }] },
    });
    expect(readFileSync(spared, 'utf8')).toBe(JSON.stringify(passing));
    expect(await runCli(['test-mapping', folder])).toMatchObject({ code: 0, stdout: '2 passed, 0 failed\n' });
  });

  it('runs the cases with a connection of a file', async () => {
    write('cases.yaml', 'connections: [{ id: web, writeKey: k, appId: "1", placeholderIdentities: [ann] }]');
    write('case.json', { ...passing, expected: { reason: 'identity_placeholder' } });
    const args = ['test-mapping', folder, '--config', join(folder, 'cases.yaml')];
    expect(await runCli(args)).toMatchObject({ code: 0, stdout: '1 passed, 0 failed\n' });
  });

  it.each([
    ['has no case in it', '_none.json', '{}', /no cases in/],
    ['has a case that is no JSON', 'case.json', '{', /case\.json is not JSON/],
    ['has a file that is no case', 'case.json', '{}', /case\.json is no case/],
    [
      'has a case with a wrong configuration',
      'case.json',
      '{"description":"d","event":{},"config":{"region":"mars"}}',
      /config\.region must be one of/,
    ],
  ])('refuses a folder that %s', async (_name, file, content, message) => {
    write(file, content);
    const { code, stderr } = await runCli(['test-mapping', folder]);
    expect(code).toBe(2);
    expect(stderr).toMatch(message);
  });
});
