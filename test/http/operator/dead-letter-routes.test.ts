import { setTimeout as delay } from 'node:timers/promises';

import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import { Adjustments } from '../../../src/core/adjustments.js';
import { isJsonObject, type Json } from '../../../src/core/json/json.js';
import { StoreFull } from '../../../src/core/store/store-full.js';
import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import type { TransformResult } from '../../../src/core/transform-result.js';
import { createOperatorApp } from '../../../src/http/operator-app.js';
import { listen, type Listener } from '../../../src/service/listen.js';
import { letterOf, MemoryDeadLetters } from '../../support/memory-dead-letters.js';
import { laneTo, trackOf } from '../../support/operations.js';
import { until } from '../../support/sockets/until.js';
import { VirtualClock } from '../../support/virtual-clock.js';

let listener: Listener | undefined;

afterEach(async () => {
  listener?.destroy();
  await listener?.close();
  listener = undefined;
});

function transform(event: Json): TransformResult {
  const userId = isJsonObject(event) && typeof event.userId === 'string' ? event.userId : undefined;
  if (userId === undefined) return { outcome: 'rejected', reason: 'identity_missing', detail: 'nobody' };
  return { outcome: 'mapped', operations: [trackOf(userId, 'Paid', {}, laneTo('22'))], adjustments: new Adjustments() };
}

/** An operator port with these letters, an hour after noon of 10 March 2026. */
async function serve(letters: MemoryDeadLetters): Promise<string> {
  const app = createOperatorApp({
    registry: new Registry(),
    version: '1.2.3',
    isStopping: () => false,
    deadLetters: {
      letters,
      connectionOf: (id) => (id === 'web' ? { lane: laneTo('22'), transform } : undefined),
      clock: new VirtualClock(Date.UTC(2026, 2, 10, 13)),
    },
  });
  listener = await listen(app, 0, '127.0.0.1');
  return listener.url;
}

async function get(url: string): Promise<readonly [number, unknown]> {
  const response = await fetch(url);
  return [response.status, await response.json()];
}

async function post(
  url: string,
  body: unknown,
  headers: Readonly<Record<string, string>> = {},
): Promise<readonly [number, unknown]> {
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  const response = await fetch(url, { method: 'POST', body: text, headers });
  return [response.status, await response.json()];
}

/** Resolves once the count has not changed for a while. */
async function isStill(count: () => number): Promise<void> {
  await until(async () => {
    const before = count();
    await delay(100);
    return count() === before;
  });
}

const three = (): MemoryDeadLetters =>
  new MemoryDeadLetters([letterOf(1), letterOf(2, { reason: 'expired', lane: 'eu:11' }), letterOf(3)]);

const shown = (index: number, fields: object = {}): object => ({
  id: expect.stringContaining(`us:11/1/${index}`),
  lane: 'us:11',
  connection: 'web',
  messageId: `m-${index}`,
  reason: 'heap_rejected',
  detail: 'HTTP 400 no',
  attempts: 1,
  receivedAt: '2026-03-10T12:00:00.000Z',
  rejectedAt: `2026-03-10T12:00:0${index}.000Z`,
  delivered: [],
  event: { type: 'track', userId: `user ${index}`, event: 'Paid', messageId: `m-${index}` },
  ...fields,
});

describe('the dead letters of the operator port', () => {
  it('are listed with their whole events, by age, in pages', async () => {
    const letters = three();
    const url = await serve(letters);
    const second = shown(2, { reason: 'expired', lane: 'eu:11' });
    expect(await get(`${url}/dead-letters`)).toEqual([200, { letters: [shown(1), second, shown(3)], next: null }]);
    expect(await get(`${url}/dead-letters?limit=2`)).toEqual([
      200,
      { letters: [shown(1), second], next: letters.ids[1] },
    ]);
    const rest = `${url}/dead-letters?limit=2&after=${encodeURIComponent(letters.ids[1] ?? '')}`;
    expect(await get(rest)).toEqual([200, { letters: [shown(3)], next: null }]);
  });

  it.each([
    ['lane=eu:11', [2]],
    ['app_id=11', [1, 2, 3]],
    ['app_id=1', []],
    ['app_id=11&region=us', [1, 3]],
    ['region=eu', [2]],
    ['connection=web&reason=expired', [2]],
    ['connection=old', []],
    ['message_id=m-3', [3]],
    ['since=2026-03-10T12:00:02Z', [2, 3]],
    ['until=2026-03-10T12:00:02Z', [1]],
    ['since=1h', [1, 2, 3]],
    ['since=3597s', [3]],
    ['since=30m', []],
    ['since=1w&until=3598s', [1]],
  ])('are chosen by %s', async (query, indexes) => {
    const url = await serve(three());
    const [status, answer] = await get(`${url}/dead-letters?${query}`);
    expect(status).toBe(200);
    expect(answer).toMatchObject({ letters: indexes.map((index) => ({ messageId: `m-${index}` })) });
    const lines = await (await fetch(`${url}/dead-letters/export?${query}`)).text();
    expect(lines.split('\n')).toHaveLength(indexes.length + 1);
  });

  it.each([
    ['colour=red', /^there is no parameter "colour"; there are lane, app_id, .*until, limit, after$/],
    ['reason=heap_reject', /^"reason" is one of .*heap_rejected/],
    ['region=asia', /^"region" is us or eu$/],
    ['since=yesterday', /^"since" is a time such as .* 2h, 7d/],
    ['until=', /^"until" is a time/],
    ['limit=0', /^"limit" is a number from 1 to 10000$/],
    ['limit=10001', /^"limit"/],
    ['lane=a&lane=b', /^"lane" is given more than once$/],
    ['__proto__=1', /^there is no parameter/],
  ])('refuse the query %s with what would be right', async (query, message) => {
    const url = await serve(three());
    expect(await get(`${url}/dead-letters?${query}`)).toEqual([
      400,
      { status: 'refused', message: expect.stringMatching(message) },
    ]);
  });

  it('are shown one by one, with what their events were, to the letter', async () => {
    const event = '{"type":"track","n":12345678901234567890,"__proto__":1}';
    const letters = new MemoryDeadLetters([
      letterOf(1, { event, origin: 'a' }),
      letterOf(2, { event: '{\n"a":1 }' }),
      letterOf(3, { event: '{' }),
    ]);
    const [whole = '', broken = '', text = ''] = letters.ids;
    const url = await serve(letters);
    const response = await fetch(`${url}/dead-letters/${whole}`);
    expect(await response.text()).toContain(`"event":${event}}`);
    expect(response.headers.get('cache-control')).toBe('no-store');
    expect(await get(`${url}/dead-letters/${encodeURIComponent(broken)}`)).toMatchObject([200, { event: { a: 1 } }]);
    expect(await get(`${url}/dead-letters/${encodeURIComponent(text)}`)).toMatchObject([200, { event: '{' }]);
    expect(await get(`${url}/dead-letters/none`)).toEqual([
      404,
      { status: 'unknown', message: 'there is no dead letter none' },
    ]);
    const lines = (await (await fetch(`${url}/dead-letters/export`)).text()).trimEnd().split('\n');
    expect(lines.map((line) => (JSON.parse(line) as { event: unknown }).event)).toHaveLength(3);
  });

  it('are counted by reason and connection, the oldest of very many', async () => {
    const letters = three();
    const url = await serve(letters);
    expect(await get(`${url}/dead-letters/stats`)).toEqual([
      200,
      {
        letters: 3,
        bytes: expect.any(Number),
        oldestAt: '2026-03-10T12:00:01.000Z',
        counts: [
          { connection: 'web', reason: 'heap_rejected', letters: 2 },
          { connection: 'web', reason: 'expired', letters: 1 },
        ],
        counted: 3,
      },
    ]);
    letters.list = (_filter, after, limit) =>
      Promise.resolve(Array.from({ length: limit }, () => ({ ...letterOf(1), id: `${after ?? ''}x`.slice(0, 9) })));
    expect(await get(`${url}/dead-letters/stats`)).toMatchObject([200, { letters: 3, counted: 10_000 }]);
  });

  it('are exported at the reader’s pace', async () => {
    const letters = new MemoryDeadLetters();
    const big = { ...letterOf(1, { event: JSON.stringify({ text: 'x'.repeat(100_000) }) }) };
    let listed = 0;
    letters.list = (_filter, _after, limit) => {
      listed += limit;
      return Promise.resolve(Array.from({ length: limit }, (_, index) => ({ ...big, id: `${listed}-${index}` })));
    };
    const url = await serve(letters);
    const patience = new AbortController();
    const response = await fetch(`${url}/dead-letters/export`, { signal: patience.signal });
    expect(response.headers.get('content-type')).toBe('application/x-ndjson');
    const reader = response.body?.getReader();
    await reader?.read();
    // Once the sockets' buffers are full nothing more is asked for; without a bound it never would end.
    await isStill(() => listed);
    expect(listed).toBeLessThan(2_000);
    patience.abort();
    await expect(reader?.read()).rejects.toThrow();
    await isStill(() => listed);
  });

  it('break an export off that the store does not finish, rather than end it as if it were whole', async () => {
    const letters = new MemoryDeadLetters(Array.from({ length: 200 }, (_, index) => letterOf(index)));
    let calls = 0;
    letters.fail = () => {
      calls += 1;
      if (calls > 2) throw new StoreUnavailable();
    };
    const url = await serve(letters);
    await expect(fetch(`${url}/dead-letters/export`).then((response) => response.text())).rejects.toThrow();
  });

  it('answer 503 while the store is away, 500 when something is wrong', async () => {
    const letters = three();
    const url = await serve(letters);
    letters.fail = () => {
      throw new StoreUnavailable();
    };
    for (const path of ['dead-letters', 'dead-letters/stats', 'dead-letters/export', 'dead-letters/x', 'events/m-1']) {
      expect(await get(`${url}/${path}`)).toMatchObject([503, { status: 'unavailable' }]);
    }
    letters.fail = () => {
      throw new Error('broken');
    };
    expect(await get(`${url}/dead-letters`)).toEqual([500, { status: 'failed' }]);
  });
});

describe('orders to replay and discard', () => {
  it('replay what is chosen, and say what became of each letter', async () => {
    const letters = new MemoryDeadLetters([
      letterOf(1),
      letterOf(2, { event: '{"type":"track"}' }),
      letterOf(3, { connection: 'old' }),
    ]);
    const [first = '', second = '', third = ''] = letters.ids;
    const url = await serve(letters);
    const about = (id: string, index: number, verdict: object, connection = 'web'): object => ({
      id,
      messageId: `m-${index}`,
      connection,
      ...verdict,
    });
    const refused = about(second, 2, { verdict: 'would_reject', reason: 'identity_missing', detail: 'nobody' });
    const missing = about(third, 3, { verdict: 'connection_missing' }, 'old');
    const operations = [{ kind: 'track', item: { identity: 'user 1', event: 'Paid', properties: {} } }];
    const ends = { more: 0, next: null, until: '2026-03-10T13:00:00.000Z' };
    expect(await post(`${url}/dead-letters/replay`, { all: true, dryRun: true })).toEqual([
      200,
      {
        dryRun: true,
        counts: { would_replay: 1, would_reject: 1, connection_missing: 1 },
        verdicts: [about(first, 1, { verdict: 'would_replay', operations }), refused, missing],
        ...ends,
      },
    ]);
    expect(letters.requeued).toEqual([]);
    expect(await post(`${url}/dead-letters/replay`, { ids: [first, second, 'none'] })).toEqual([
      200,
      {
        dryRun: false,
        counts: { replayed: 1, would_reject: 1, gone: 1 },
        verdicts: [about(first, 1, { verdict: 'replayed' }), refused, { id: 'none', verdict: 'gone' }],
        ...ends,
      },
    ]);
    expect(letters.requeued).toMatchObject([{ lane: 'us:22', receivedAt: Date.UTC(2026, 2, 10, 13) }]);
    expect(letters.ids).toEqual([second, third]);
  });

  it('leave letters alone that were written after they began', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(3_600), letterOf(4_000)]);
    const url = await serve(letters);
    expect(await post(`${url}/dead-letters/replay`, { all: true })).toMatchObject([200, { counts: { replayed: 1 } }]);
    expect(await post(`${url}/dead-letters/discard`, { filter: { until: '2027-01-01' } })).toMatchObject([
      200,
      { discarded: 0, until: '2026-03-10T13:00:00.000Z' },
    ]);
    expect(letters.ids).toHaveLength(2);
  });

  it('go on where they ended at their limit, and show a hundred verdicts', async () => {
    const letters = new MemoryDeadLetters(Array.from({ length: 300 }, (_, index) => letterOf(index)));
    const { ids } = letters;
    const url = await serve(letters);
    const [, first] = await post(`${url}/dead-letters/replay`, { all: true, limit: 250 });
    expect(first).toMatchObject({ counts: { replayed: 250 }, verdicts: { length: 100 }, more: 150, next: ids[249] });
    const [, rest] = await post(`${url}/dead-letters/replay`, { all: true, limit: 250, after: ids[249] });
    expect(rest).toMatchObject({ counts: { replayed: 50 }, verdicts: { length: 50 }, more: 0, next: null });
    expect(letters.ids).toEqual([]);
  });

  it('discard what is chosen, and nothing in a dry run', async () => {
    const letters = three();
    const [, second = ''] = letters.ids;
    const url = await serve(letters);
    const body = { filter: { reason: 'heap_rejected', app_id: 11 } };
    expect(await post(`${url}/dead-letters/discard`, { ...body, dryRun: true })).toMatchObject([
      200,
      { dryRun: true, discarded: 2, gone: 0, next: null },
    ]);
    expect(letters.ids).toHaveLength(3);
    expect(await post(`${url}/dead-letters/discard`, body)).toMatchObject([200, { dryRun: false, discarded: 2 }]);
    expect(letters.ids).toEqual([second]);
  });

  it('say how far they came when the store is full', async () => {
    const letters = new MemoryDeadLetters(Array.from({ length: 70 }, (_, index) => letterOf(index)));
    const { ids } = letters;
    const url = await serve(letters);
    let calls = 0;
    letters.fail = (call) => {
      if (call === 'requeue' && (calls += 1) > 1) throw new StoreFull();
    };
    expect(await post(`${url}/dead-letters/replay`, { all: true })).toMatchObject([
      503,
      { status: 'full', message: expect.stringContaining('full'), counts: { replayed: 50 }, next: ids[49] },
    ]);
    letters.fail = () => {
      throw new StoreFull();
    };
    expect(await post(`${url}/dead-letters/replay`, { all: true, after: ids[49] })).toMatchObject([
      503,
      { counts: {}, next: ids[49] },
    ]);
  });

  it('are refused when they are too long', async () => {
    const url = await serve(three());
    const long = { ids: ['x'.repeat(1024 * 1024)] };
    expect(await post(`${url}/dead-letters/discard`, long)).toMatchObject([
      400,
      { message: expect.stringMatching(/^at most 1048576 bytes/) },
    ]);
  });

  it.each([
    ['', /^the body is a JSON object; say which letters/],
    ['[]', /^the body is a JSON object/],
    [{}, /^say which letters: \{"ids": .*\{"all": true\}/],
    [{ filter: {} }, /^the filter is empty; say which letters/],
    [{ filter: { reason: 'expired' }, all: true }, /^say which letters/],
    [{ all: false }, /^"all" is true or not there$/],
    [{ all: true, force: true }, /^there is no field "force"; there are ids, filter, all, dryRun, limit, after$/],
    [{ filter: { app: '1' } }, /^there is no filter "app"; there are lane, app_id,/],
    [{ filter: { lane: ['us:1'] } }, /^"lane" is a text$/],
    [{ filter: 'all' }, /^"filter" is an object with lane,/],
    [{ filter: { since: 'soon' } }, /^"since" is a time/],
    [{ ids: [] }, /^"ids" is an array of 1 to 10000 texts$/],
    [{ ids: [1] }, /^"ids"/],
    [{ ids: ['a'], limit: 1 }, /^"limit" and "after" go with "filter" and "all"$/],
    [{ all: true, limit: 1.5 }, /^"limit" is a number from 1 to 100000$/],
    [{ all: true, limit: '1' }, /^"limit" is a number/],
    [{ all: true, dryRun: 'yes' }, /^"dryRun" is true or false$/],
    [{ all: true, after: 1 }, /^"after" is the id of a letter$/],
  ])('are refused as %j, and nothing is done', async (body, message) => {
    const letters = three();
    const url = await serve(letters);
    for (const path of ['replay', 'discard']) {
      expect(await post(`${url}/dead-letters/${path}`, body)).toEqual([
        400,
        { status: 'refused', message: expect.stringMatching(message) },
      ]);
    }
    expect(letters.ids).toHaveLength(3);
  });

  it('are refused from web pages', async () => {
    const letters = three();
    const url = await serve(letters);
    for (const headers of [{ origin: 'https://evil.example' }, { 'sec-fetch-site': 'cross-site' }]) {
      expect(await post(`${url}/dead-letters/discard`, { all: true }, headers)).toMatchObject([
        403,
        { status: 'refused' },
      ]);
    }
    expect(letters.ids).toHaveLength(3);
  });
});
