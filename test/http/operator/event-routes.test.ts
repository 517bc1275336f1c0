import { afterEach, describe, expect, it } from '@jest/globals';
import { Registry } from 'prom-client';

import type { Operation } from '../../../src/core/batching/operation.js';
import type { Attempt } from '../../../src/core/delivery/attempt.js';
import { defaultDeliveryLogBounds, DeliveryLog, type LoggedEvent } from '../../../src/core/durable/delivery-log.js';
import { createOperatorApp, type OperatorAppOptions } from '../../../src/http/operator-app.js';
import { listen, type Listener } from '../../../src/service/listen.js';
import { letterOf, MemoryDeadLetters } from '../../support/memory-dead-letters.js';
import { trackOf, userPropertiesOf } from '../../support/operations.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const noon = Date.UTC(2026, 2, 10, 12);
const clock = new VirtualClock(noon);
const listeners: Listener[] = [];

afterEach(async () => {
  for (const listener of listeners) listener.destroy();
  await Promise.all(listeners.map((listener) => listener.close()));
  listeners.length = 0;
});

async function serve({ log, letters }: { log?: DeliveryLog; letters?: MemoryDeadLetters }): Promise<string> {
  const options: OperatorAppOptions = { registry: new Registry(), version: '1.2.3', isStopping: () => false };
  const deadLetters = letters && { letters, connectionOf: () => undefined, clock };
  const app = createOperatorApp({ ...options, ...(log && { log }), ...(deadLetters && { deadLetters }) });
  const listener = await listen(app, 0, '127.0.0.1');
  listeners.push(listener);
  return listener.url;
}

async function get(url: string): Promise<readonly [number, unknown]> {
  const response = await fetch(url);
  return [response.status, await response.json()];
}

const track: Operation = { ...trackOf('user 1', 'Paid'), keys: ['identity "user 1'] };

interface Begun {
  readonly log: DeliveryLog;
  readonly event: LoggedEvent;
}

function begin(operations: readonly Operation[] = [track]): Begun {
  const log = new DeliveryLog(defaultDeliveryLogBounds, () => noon + 1_000);
  const facts = { lane: 'us:11', connection: 'web', messageId: 'm-1', type: 'track', receivedAt: noon };
  return { log, event: log.begin({ ...facts, operations }) };
}

function attempt(requestId: string, fields: Partial<Attempt> = {}): Attempt {
  const base = { kind: 'track', items: 2, at: noon + 500, seconds: 0.25, status: 200, outcome: 'delivered' } as const;
  return { requestId, ...base, detail: '', ...fields };
}

const refusal = { status: 503, outcome: 'retry', detail: 'HTTP 503 busy' } as const;

async function summaryOf(begun: Begun, letters?: MemoryDeadLetters): Promise<unknown> {
  const url = await serve({ log: begun.log, ...(letters && { letters }) });
  const [, answer] = await get(`${url}/events/m-1`);
  return (answer as { readonly summary: unknown }).summary;
}

describe('what became of an event', () => {
  it('is told with its operations and attempts', async () => {
    const { log, event } = begin();
    event.onAttempt(attempt('r1', refusal), track);
    event.onAttempt(attempt('r2'), track);
    event.settle({ type: 'delivered' });
    const url = await serve({ log });
    const summary = 'delivered to Heap app 11 in 2 attempts, 2026-03-10T12:00:01.000Z';
    const shown = {
      messageId: 'm-1',
      type: 'track',
      connection: 'web',
      lane: 'us:11',
      receivedAt: '2026-03-10T12:00:00.000Z',
      outcome: 'delivered',
      settledAt: '2026-03-10T12:00:01.000Z',
      summary,
      operations: [{ kind: 'track', keys: track.keys, item: { identity: 'user 1', event: 'Paid', properties: {} } }],
      attemptsInAll: 2,
      attempts: [
        { ...attempt('r1', refusal), at: '2026-03-10T12:00:00.500Z' },
        { ...attempt('r2'), at: '2026-03-10T12:00:00.500Z' },
      ],
    };
    const answer = { summary, events: [shown], deadLetters: [] };
    expect(await get(`${url}/events/m-1`)).toEqual([200, answer]);
    expect(await get(`${url}/events?identity=user%201`)).toEqual([200, answer]);
    expect(await get(`${url}/events?identity=user%201&app_id=11&limit=1`)).toEqual([200, answer]);
    expect(await get(`${url}/events?identity=user%201&app_id=12`)).toMatchObject([404, { status: 'unknown' }]);
  });

  it('is one sentence, whatever it is', async () => {
    const waiting = begin();
    expect(await summaryOf(waiting)).toBe('waits in lane us:11: not sent yet');
    waiting.event.onAttempt(attempt('r1', refusal), track);
    expect(await summaryOf(waiting)).toBe(
      'waits in lane us:11: HTTP 503 busy, 2026-03-10T12:00:00.500Z, after 1 attempt',
    );
    waiting.event.onAttempt(attempt('r2', { status: 'timeout', outcome: 'retry', detail: 'after 10 s' }), track);
    expect(await summaryOf(waiting)).toBe(
      'waits in lane us:11: no answer in time after 10 s, 2026-03-10T12:00:00.500Z, after 2 attempts',
    );
    waiting.event.settle({ type: 'deferred', detail: 'the service stops' });
    expect(await summaryOf(waiting)).toBe(
      'waits in the store for lane us:11: the service stops, 2026-03-10T12:00:01.000Z',
    );
    const both = begin([userPropertiesOf('user 1', {}), track]);
    both.event.onAttempt(attempt('r1', { kind: 'addUserProperties' }), track);
    both.event.onAttempt(attempt('r2'), track);
    both.event.settle({ type: 'delivered' });
    expect(await summaryOf(both)).toBe('delivered to Heap app 11 in 2 requests, 2026-03-10T12:00:01.000Z');
    const dropped = begin([]);
    dropped.event.settle({ type: 'dropped', reason: 'nothing_to_send', detail: 'The event holds nothing.' });
    expect(await summaryOf(dropped)).toBe(
      'dropped (nothing_to_send): The event holds nothing, 2026-03-10T12:00:01.000Z',
    );
    const rejected = begin();
    rejected.event.settle({ type: 'rejected', reason: 'heap_rejected', detail: 'HTTP 400 no' });
    const why = 'rejected (heap_rejected): HTTP 400 no, 2026-03-10T12:00:01.000Z';
    expect(await summaryOf(rejected)).toBe(why);
    expect(await summaryOf(rejected, new MemoryDeadLetters())).toBe(
      `${why}: its dead letter is not there: not yet, or it was replayed or discarded`,
    );
    const letters = new MemoryDeadLetters([letterOf(1)]);
    expect(await summaryOf(rejected, letters)).toBe(
      `${why}: it is a dead letter, replay it with: heap-destination dead-letters replay ${letters.ids[0] ?? ''}`,
    );
  });

  it('is known from its dead letter when the log has forgotten it', async () => {
    const letters = new MemoryDeadLetters([letterOf(1)]);
    const url = await serve({ letters });
    const [status, answer] = await get(`${url}/events/m-1`);
    expect(status).toBe(200);
    expect(answer).toEqual({
      summary: expect.stringMatching(
        /^rejected \(heap_rejected\): HTTP 400 no, 2026-03-10T12:00:01.000Z: it is a dead letter/,
      ),
      events: [],
      deadLetters: [
        expect.objectContaining({ id: letters.ids[0], event: expect.objectContaining({ userId: 'user 1' }) }),
      ],
    });
  });

  it('is told for each event of one messageId, the newest of each, and for letters that none of them is about', async () => {
    const { log, event } = begin();
    event.settle({ type: 'rejected', reason: 'heap_rejected', detail: 'no' });
    const again = { lane: 'us:11', connection: 'web', messageId: 'm-1', receivedAt: noon, operations: [track] };
    log.begin({ ...again, type: 'track' }).settle({ type: 'delivered' });
    log.begin({ ...again, type: 'identify' });
    const letters = new MemoryDeadLetters([letterOf(1, { connection: 'app', event: '{"type":"page"}' })]);
    const url = await serve({ log, letters });
    const [, answer] = await get(`${url}/events/m-1`);
    const { summary, events } = answer as { readonly summary: string; readonly events: readonly unknown[] };
    expect(events).toHaveLength(3);
    expect(summary.split('\n')).toEqual([
      'identify m-1 of web: waits in lane us:11: not sent yet',
      'track m-1 of web: nothing was left to deliver to Heap app 11, 2026-03-10T12:00:01.000Z',
      expect.stringMatching(/^page m-1 of app: rejected \(heap_rejected\): HTTP 400 no/),
    ]);
  });

  it('is told with the letters of somebody’s rejected events', async () => {
    const { log, event } = begin();
    event.settle({ type: 'rejected', reason: 'heap_rejected', detail: 'no' });
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2)]);
    const url = await serve({ log, letters });
    expect(await get(`${url}/events?identity=user%201`)).toMatchObject([
      200,
      { summary: expect.stringContaining(letters.ids[0] ?? ''), deadLetters: { length: 1 } },
    ]);
  });

  it('shows the start of a long operation', async () => {
    const long = trackOf('user 1', 'Paid', { text: 'x'.repeat(5_000) });
    const { log } = begin([long]);
    const url = await serve({ log });
    const [, answer] = await get(`${url}/events/m-1`);
    const cut = { kind: 'track', keys: long.keys, itemStart: long.text.slice(0, 2_048), bytes: long.bytes };
    expect(answer).toMatchObject({ events: [{ operations: [cut] }] });
  });

  it('is not known where nothing is known', async () => {
    const unknown = 'not known here: it is not among the last events that this process remembers since it was started';
    const url = await serve({ log: begin().log });
    expect(await get(`${url}/events/m%2F2`)).toEqual([
      404,
      { status: 'unknown', summary: unknown, events: [], deadLetters: [] },
    ]);
    const both = await serve({ log: begin().log, letters: new MemoryDeadLetters() });
    expect(await get(`${both}/events/m-2`)).toMatchObject([
      404,
      { summary: `${unknown}, and no dead letter is of it` },
    ]);
  });

  it.each([
    ['', /^say whose events/],
    ['?identity=a&limit=1001', /^"limit" is a number from 1 to 1000$/],
    ['?user=a', /^there is no parameter "user"; there are identity, app_id, limit$/],
  ])('is not asked for by /events%s', async (query, message) => {
    const url = await serve({ log: begin().log });
    expect(await get(`${url}/events${query}`)).toEqual([
      400,
      { status: 'refused', message: expect.stringMatching(message) },
    ]);
  });

  it('is not there to be asked for without a log and a store', async () => {
    const url = await serve({});
    expect(await get(`${url}/events/m-1`)).toEqual([404, { status: 'unknown', routes: ['/health', '/metrics'] }]);
    const both = await serve({ log: begin().log, letters: new MemoryDeadLetters() });
    expect(await get(`${both}/`)).toMatchObject([
      404,
      { routes: expect.arrayContaining(['/events/:messageId', 'POST /dead-letters/replay']) },
    ]);
  });
});
