import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Attempt } from '../../../src/core/delivery/attempt.js';
import {
  defaultDeliveryLogBounds,
  DeliveryLog,
  type DeliveryLogBounds,
  type LoggedEvent,
} from '../../../src/core/durable/delivery-log.js';
import { shownText, type EventFacts } from '../../../src/core/durable/logged-event.js';
import { identifyOf, trackOf } from '../../support/operations.js';

const settledAt = Date.UTC(2026, 2, 10, 12);
const operation = { ...trackOf('ann', 'Paid'), keys: ['identity "ann'] as const };

function logOf(bounds: Partial<DeliveryLogBounds> = {}): DeliveryLog {
  return new DeliveryLog({ ...defaultDeliveryLogBounds, ...bounds }, () => settledAt);
}

function facts(fields: Partial<EventFacts> = {}): EventFacts {
  const base = { lane: 'us:11', connection: 'web', messageId: 'm', type: 'track', receivedAt: settledAt - 1_000 };
  return { ...base, operations: [operation], ...fields };
}

function attemptOf(requestId: number, fields: Partial<Attempt> = {}): Attempt {
  const base = {
    kind: 'track',
    items: 1,
    at: settledAt,
    seconds: 0.1,
    status: 200,
    outcome: 'delivered',
    detail: '',
  } as const;
  return { requestId: String(requestId), ...base, ...fields };
}

function idsOf(events: readonly LoggedEvent[]): readonly string[] {
  return events.map(({ messageId }) => messageId);
}

describe('the delivery log', () => {
  it('knows an event from its beginning on, and what became of it', () => {
    const log = logOf();
    const event = log.begin(facts());
    expect(log.find({ messageId: 'm' }, 10)).toEqual([event]);
    expect([event.outcome, event.settledAt, event.attempts]).toEqual([{ type: 'queued' }, undefined, []]);
    event.onAttempt(attemptOf(1), operation);
    event.settle({ type: 'deferred', detail: 'stopping' });
    event.settle({ type: 'delivered' });
    expect([event.outcome, event.settledAt, event.attemptsInAll]).toEqual([{ type: 'delivered' }, settledAt, 1]);
  });

  it('counts a request that carried two operations of the event once', () => {
    const event = logOf().begin(facts({ operations: [operation, operation] }));
    const attempt = attemptOf(1);
    event.onAttempt(attempt, operation);
    event.onAttempt(attempt, operation);
    event.onAttempt(attemptOf(2), operation);
    expect([event.attemptsInAll, event.attempts.length]).toEqual([2, 2]);
  });

  it('keeps the first attempt and the last nine', () => {
    const event = logOf().begin(facts());
    for (let index = 0; index < 25; index += 1) event.onAttempt(attemptOf(index), operation);
    expect(event.attempts.map(({ requestId }) => Number(requestId))).toEqual([0, 16, 17, 18, 19, 20, 21, 22, 23, 24]);
    expect(event.attemptsInAll).toBe(25);
  });

  it('finds events by id, by whom they are about and by lane, the newest first', () => {
    const log = logOf();
    const merge = { ...identifyOf('42', 'ann'), keys: ['user_id "42', 'identity "ann'] as const };
    log.begin(facts({ messageId: 'a' }));
    log.begin(facts({ messageId: 'b', lane: 'eu:11', operations: [merge] }));
    log.begin(facts({ messageId: 'c', operations: [] }));
    log.begin(facts({ messageId: 'a', type: 'identify' }));
    expect(log.find({ messageId: 'a' }, 10).map(({ type }) => type)).toEqual(['identify', 'track']);
    expect(idsOf(log.find({ identity: 'ann' }, 10))).toEqual(['a', 'b', 'a']);
    expect(idsOf(log.find({ identity: 'ann' }, 2))).toEqual(['a', 'b']);
    expect(idsOf(log.find({ identity: '42' }, 10))).toEqual(['b']);
    expect(idsOf(log.find({ identity: 'nn' }, 10))).toEqual([]);
    expect(idsOf(log.find({ lane: 'eu:11' }, 10))).toEqual(['b']);
    expect(idsOf(log.find({ lane: 'us:99' }, 10))).toEqual([]);
    expect(idsOf(log.find({}, 10))).toEqual(['a', 'c', 'b', 'a']);
  });

  it('keeps the last events of each lane, a quarter more at most', () => {
    const log = logOf({ eventsPerLane: 100 });
    for (let index = 0; index < 1_000; index += 1) {
      log.begin(facts({ messageId: `m-${index}` }));
      const kept = idsOf(log.find({}, 1_000));
      expect(kept.length).toBeLessThanOrEqual(125);
      expect(kept.slice(0, 100)).toEqual(
        Array.from({ length: Math.min(100, index + 1) }, (_, age) => `m-${index - age}`),
      );
      expect(log.events).toBe(kept.length);
    }
  });

  it('takes room from the lanes that have the most of it, never from the quiet ones', () => {
    const log = logOf({ eventsPerLane: 10_000, maxEvents: 1_000 });
    for (let index = 0; index < 50; index += 1) log.begin(facts({ lane: `us:${index}`, messageId: 'quiet' }));
    for (let index = 0; index < 5_000; index += 1) log.begin(facts({ lane: index % 2 === 0 ? 'us:a' : 'us:b' }));
    expect(log.find({ messageId: 'quiet' }, 100)).toHaveLength(50);
    expect(log.find({ lane: 'us:a' }, 1_000).length).toBeGreaterThan(300);
    expect(log.find({ lane: 'us:b' }, 1_000).length).toBeGreaterThan(300);
  });

  it('stays within its bounds and counts right, whatever comes', () => {
    const anyStep = fc.record({
      lane: fc.nat(20).map((number) => `us:${number}`),
      text: fc.constantFrom(10, 500, 5_000, 100_000),
      operations: fc.nat(3),
      isSettled: fc.boolean(),
    });
    fc.assert(
      fc.property(fc.array(anyStep, { minLength: 1, maxLength: 400, size: 'max' }), (steps) => {
        const bounds = { eventsPerLane: 40, maxEvents: 100, maxBytes: 1_000_000 };
        const log = logOf(bounds);
        const late: LoggedEvent[] = [];
        for (const { lane, text, operations, isSettled } of steps) {
          const item = { ...operation, text: 'x'.repeat(text), bytes: text };
          const event = log.begin(facts({ lane, operations: Array.from({ length: operations }, () => item) }));
          if (isSettled) event.settle({ type: 'delivered' });
          else late.push(event);
          expect(log.events).toBeLessThanOrEqual(bounds.maxEvents);
          expect(log.bytes).toBeLessThanOrEqual(bounds.maxBytes);
          expect(log.find({}, 1_000)).toHaveLength(log.events);
        }
        // Those that were forgotten meanwhile may still be settled.
        for (const event of late) event.settle({ type: 'delivered' });
        const kept = log.find({}, 1_000);
        const texts = kept.flatMap((event) => event.operations.map((each) => each.text.length));
        expect(texts.every((length) => length <= 2_048)).toBe(true);
        expect(log.bytes).toBe(texts.reduce((sum, length) => sum + length + 130, kept.length * 160));
      }),
      { numRuns: 60 },
    );
  });

  it('shows the start of a long text, before and after the event is settled, and short ones whole', () => {
    const text = `"${'ä€😀'.repeat(600)}"`;
    const long = { ...operation, text, bytes: Buffer.byteLength(text) };
    const event = logOf().begin(facts({ operations: [long, operation] }));
    const shown = (): unknown => event.operations.map(shownText);
    expect(shown()).toEqual([
      { text: text.slice(0, 2_048).toWellFormed(), isCut: true },
      { text: operation.text, isCut: false },
    ]);
    event.settle({ type: 'delivered' });
    expect(event.operations[0]?.text.length).toBeLessThanOrEqual(2_048);
    expect(shown()).toEqual([
      { text: text.slice(0, 2_048).toWellFormed(), isCut: true },
      { text: operation.text, isCut: false },
    ]);
    expect(event.operations[1]?.text).toBe(operation.text);
  });
});
