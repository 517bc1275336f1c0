import { describe, expect, it } from '@jest/globals';

import { Adjustments } from '../../src/core/adjustments.js';
import { DeliveryRouter } from '../../src/core/delivery/delivery-router.js';
import type { SendOutcome } from '../../src/core/delivery/reply.js';
import { takeIn, type EventResult, type IncomingEvent } from '../../src/core/intake.js';
import { isJsonObject, type Json } from '../../src/core/json/json.js';
import type { TransformResult } from '../../src/core/transform-result.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { completeDelivery } from '../../src/service/delivery-config.js';
import { toDeliveryPolicy } from '../../src/service/delivery-policy.js';
import { laneTo, trackOf, userPropertiesOf } from '../support/operations.js';
import { deafObserver } from '../support/scenario/deaf-observer.js';
import { settled, VirtualClock } from '../support/virtual-clock.js';

/** What `compileConnection` makes of an event whose messageId is one. */
const eventKey = (event: Json): string => {
  if (!isJsonObject(event) || typeof event.type !== 'string') return '';
  const { messageId } = event;
  return typeof messageId === 'string' || typeof messageId === 'number' ? `${event.type} ${messageId}` : '';
};

interface SetupOptions {
  readonly answer?: (body: string) => SendOutcome;
  readonly answerTimeoutMs?: number;
  readonly maxEventLength?: number;
  readonly maxBacklog?: number;
}

/** An event maps to one track of its `event`; `reject`, `drop`, `adjust`, `both` and `other` (app) do as they say. */
function transform(value: Json): TransformResult {
  const name = isJsonObject(value) ? value.event : undefined;
  if (typeof name !== 'string') return { outcome: 'rejected', reason: 'event_not_object', detail: 'no object' };
  if (name === 'throw') throw new Error('a fault');
  if (name === 'reject') return { outcome: 'rejected', reason: 'identity_missing', detail: 'who?' };
  if (name === 'drop') return { outcome: 'dropped', reason: 'nothing_to_send' };
  const adjustments = new Adjustments();
  if (name === 'adjust') adjustments.note('value_truncated', 'a.b');
  const operations = [trackOf('ann', name, {}, name === 'other' ? laneTo('22') : laneTo('11'))];
  return {
    outcome: 'mapped',
    operations: name === 'both' ? [userPropertiesOf('ann', { a: 1 }), ...operations] : operations,
    adjustments,
  };
}

function setUp({
  answer = () => ({ type: 'delivered' }),
  answerTimeoutMs = 8_000,
  maxEventLength = 1_000,
  maxBacklog = 1_000,
}: SetupOptions) {
  const clock = new VirtualClock();
  const counted: string[] = [];
  const router = new DeliveryRouter({
    rules: heapRequestRules,
    policy: toDeliveryPolicy(
      { maxItems: 100, maxBytes: 1_000_000, lingerMs: 250 },
      completeDelivery({ baseBackOffMs: 1_000, maxBackOffMs: 1_000, maxAgeMs: 60_000 }),
    ),
    send: (request) => Promise.resolve(answer(request.body)),
    hostOf: () => 'heap.test',
    clock,
    random: () => 0.999,
    observer: deafObserver,
    maxBacklog,
    maxBacklogBytes: 1_000_000,
  });
  const options = {
    router,
    clock,
    answerTimeoutMs,
    maxEventLength,
    observer: {
      onReceived: (type: string) => counted.push(`received ${type}`),
      onTransformed: () => counted.push('transformed'),
      onFault: () => counted.push('fault'),
      onOperation: (kind: string) => counted.push(`operation ${kind}`),
      onOutcome: (outcome: string, reason: string | undefined) => counted.push(`${outcome} ${reason ?? ''}`.trim()),
      onAdjustment: (reason: string) => counted.push(`adjusted ${reason}`),
    },
  };
  const take = (...events: readonly IncomingEvent[]): { results: readonly EventResult[] | undefined } => {
    const taken: { results: readonly EventResult[] | undefined } = { results: undefined };
    void takeIn(events, { transform, eventKey }, options).then((results) => {
      taken.results = results;
    });
    return taken;
  };
  return { clock, counted, router, take };
}

const event = (name: string, fields: Record<string, Json> = {}): IncomingEvent => ({
  value: { type: 'track', event: name, ...fields },
});

describe('taking events in', () => {
  it('answers when every event is settled, with one result each, in their order', async () => {
    const { clock, take } = setUp({});
    const taken = take(event('A'), event('reject'), event('drop'), { value: null }, event('both', { messageId: 'm' }));
    await clock.advance(249);
    expect(taken.results).toBeUndefined();
    await clock.runOut();
    expect(taken.results).toEqual([
      { outcome: 'delivered' },
      { outcome: 'rejected', reason: 'identity_missing', message: 'who?' },
      { outcome: 'dropped', reason: 'nothing_to_send', message: 'The event holds nothing that Heap could store.' },
      { outcome: 'rejected', reason: 'event_not_object', message: 'no object' },
      { messageId: 'm', outcome: 'delivered' },
    ]);
    expect(clock.sleeping).toBe(0);
  });

  it('answers at once when there is nothing to deliver', async () => {
    const { clock, take } = setUp({});
    const none = take();
    const bad = take(event('reject'));
    await settled();
    expect(none.results).toEqual([]);
    expect(bad.results).toHaveLength(1);
    expect(clock.sleeping).toBe(0);
  });

  it('rejects what Heap refuses in the words of Heap, and delivers its neighbours', async () => {
    const { clock, take } = setUp({
      answer: (body) =>
        body.includes('Poison') ? { type: 'rejected', detail: 'HTTP 400 bad' } : { type: 'delivered' },
    });
    const taken = take(event('A'), event('Poison'), event('B'));
    await clock.runOut();
    expect(taken.results).toEqual([
      { outcome: 'delivered' },
      { outcome: 'rejected', reason: 'heap_rejected', message: 'HTTP 400 bad' },
      { outcome: 'delivered' },
    ]);
  });

  it('answers in time with what is pending, and counts it when it is settled after all', async () => {
    let isDown = true;
    const { clock, counted, take, router } = setUp({
      answer: () => (isDown ? { type: 'retry', cause: 'answer', detail: 'HTTP 503' } : { type: 'delivered' }),
    });
    const taken = take(event('A'), event('reject'));
    await clock.advance(7_999);
    expect(taken.results).toBeUndefined();
    await clock.advance(1);
    const atTimeout = [{ outcome: 'pending' }, { outcome: 'rejected', reason: 'identity_missing', message: 'who?' }];
    expect(taken.results).toEqual(atTimeout);
    expect(counted).not.toContain('delivered');
    isDown = false;
    await clock.runOut();
    expect(counted.filter((line) => line === 'delivered')).toHaveLength(1);
    expect(taken.results).toEqual(atTimeout);
    expect(router.backlog).toBe(0);
  });

  it('calls abandoned events pending, and counts them as abandoned', async () => {
    const { clock, counted, take, router } = setUp({
      answer: () => ({ type: 'retry', cause: 'answer', detail: 'HTTP 503' }),
    });
    const taken = take(event('A'));
    await clock.advance(300);
    router.abort();
    await settled();
    expect(taken.results).toEqual([{ outcome: 'pending' }]);
    expect(counted.slice(-1)).toEqual(['abandoned']);
  });

  it('takes no more of an app that stands still than leaves room for the others', async () => {
    const { clock, counted, take, router } = setUp({
      maxBacklog: 6,
      answer: (body) =>
        body.includes('"app_id":"11"') ? { type: 'halted', detail: 'HTTP 401' } : { type: 'delivered' },
    });
    const taken = take(...['A', 'B', 'C', 'D', 'E', 'other'].map((name) => event(name)));
    await clock.advance(8_000);
    expect(taken.results?.map(({ outcome }) => outcome)).toEqual([...Array<string>(5).fill('pending'), 'delivered']);
    expect(counted.filter((line) => line === 'operation track')).toHaveLength(5);
    expect(counted.filter((line) => line === 'abandoned')).toHaveLength(1);
    expect(router.backlog).toBe(4);
    router.abort();
  });

  it('rejects an event whose text is too long, and only that one', async () => {
    const { clock, take } = setUp({ maxEventLength: 200 });
    const taken = take(event('A', { text: 'x'.repeat(300) }), event('B', { text: 'x'.repeat(100) }));
    await clock.runOut();
    expect(taken.results).toEqual([
      { outcome: 'rejected', reason: 'event_too_large', message: 'over 200 characters' },
      { outcome: 'delivered' },
    ]);
  });

  it('says what was changed, on its way in and on its way through the mapping', async () => {
    const { clock, counted, take } = setUp({});
    const taken = take({ ...event('adjust'), adjustments: ['duplicate_key'] }, event('A'));
    await clock.runOut();
    expect(taken.results).toEqual([
      { outcome: 'delivered', adjustments: ['value_truncated', 'duplicate_key'] },
      { outcome: 'delivered' },
    ]);
    expect(counted.filter((line) => line.startsWith('adjusted'))).toEqual([
      'adjusted value_truncated',
      'adjusted duplicate_key',
    ]);
  });

  it('names a messageId that is text or a number, shortened, and no other', async () => {
    const { clock, take } = setUp({});
    const taken = take(
      event('A', { messageId: 7 }),
      event('A', { messageId: 'm'.repeat(500) }),
      event('A', { messageId: { a: 1 } }),
    );
    await clock.runOut();
    expect(taken.results?.map(({ messageId }) => messageId)).toEqual(['7', 'm'.repeat(200), undefined]);
  });

  it('costs a fault of the service the event that met it, and no other', async () => {
    const { clock, counted, take } = setUp({});
    const taken = take(event('both'), event('throw'), event('both', { messageId: 'm' }));
    await clock.runOut();
    expect(taken.results).toMatchObject([
      { outcome: 'delivered' },
      { outcome: 'rejected', reason: 'internal_error' },
      { outcome: 'delivered' },
    ]);
    expect(counted).toContain('fault');
  });

  it('counts everything: what came, what it became, what was written and what came of it', async () => {
    const { clock, counted, take } = setUp({});
    take(event('both'), event('reject'), event('drop'), { value: 7 });
    await clock.runOut();
    expect([...counted].sort()).toEqual([
      'delivered',
      'dropped nothing_to_send',
      'operation addUserProperties',
      'operation track',
      'received ',
      'received track',
      'received track',
      'received track',
      'rejected event_not_object',
      'rejected identity_missing',
      'transformed',
    ]);
  });
});
