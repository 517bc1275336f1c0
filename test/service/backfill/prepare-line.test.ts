import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { prepareLine, type PreparedLine } from '../../../src/service/backfill/prepare-line.js';
import { connectionOf } from './connection-of.js';

const connection = connectionOf();

function prepare(event: unknown, line = 7, timeIfMissing?: number): PreparedLine {
  const text = typeof event === 'string' ? event : JSON.stringify(event);
  return prepareLine(line, text, { connection, maxEventLength: 1_000, timeIfMissing });
}

const paid = { type: 'track', userId: 'ann', event: 'Paid' };
const noon = '2024-03-10T12:00:00.000Z';

/** The one item that Heap would get. */
function item(prepared: PreparedLine): Readonly<Record<string, unknown>> {
  if (prepared.type !== 'event') throw new Error(JSON.stringify(prepared));
  return JSON.parse(prepared.operations[0]?.text ?? '') as Readonly<Record<string, unknown>>;
}

describe('a line of history', () => {
  it('becomes an event with the id and the time that it has', () => {
    expect(item(prepare({ ...paid, messageId: 'm-1', timestamp: noon }))).toMatchObject({
      idempotency_key: 'm-1',
      timestamp: noon,
    });
  });

  it.each([[{}], [{ messageId: '' }], [{ messageId: null }], [{ messageId: { a: 1 } }], [{ messageId: 'undefined' }]])(
    'gets an id of its own with %j, the same each time, and another one at another line or with another text',
    (fields) => {
      const event = { ...paid, ...fields, timestamp: noon };
      const key = (line: number, extra = {}): unknown => item(prepare({ ...event, ...extra }, line)).idempotency_key;
      expect(key(7)).toMatch(/^backfill-7-[0-9a-f]{32}$/);
      expect(key(7)).toBe(key(7));
      expect(key(8)).not.toBe(key(7));
      expect(key(7, { event: 'Left' })).not.toBe(key(7));
    },
  );

  it.each([
    ['originalTimestamp', { originalTimestamp: noon }, noon],
    ['receivedAt', { receivedAt: noon }, noon],
    ['sentAt alone', { sentAt: noon }, noon],
    [
      'what a device says, which whoever takes it in would move to that day',
      { originalTimestamp: noon, sentAt: noon },
      noon,
    ],
    ['the next best of an unreadable one', { timestamp: 'yesterday', originalTimestamp: noon }, noon],
    ['seconds since the epoch', { timestamp: Date.parse(noon) / 1000 }, noon],
  ])('counts for the time of %s', (_name, fields, expected) => {
    const prepared = prepare({ ...paid, messageId: 'm', ...fields });
    const value = prepared.type === 'event' ? prepared.value : {};
    // As a service would fill it.
    const late = prepare({ ...value, receivedAt: '2026-11-22T00:00:00.000Z' });
    expect([item(prepared).timestamp, item(late).timestamp]).toEqual([expected, expected]);
  });

  it.each([[{}], [{ timestamp: null }], [{ timestamp: 'yesterday' }], [{ timestamp: '' }]])(
    'is rejected when it would count for today: %j',
    (fields) => {
      expect(prepare({ ...paid, ...fields })).toMatchObject({
        type: 'rejected',
        reason: 'required_field_missing',
        detail: expect.stringContaining('names no time'),
      });
      expect(item(prepare({ ...paid, ...fields }, 7, Date.parse(noon)))).toMatchObject({ timestamp: noon });
    },
  );

  it('needs no time where nothing of it counts for a day', () => {
    expect(prepare({ type: 'identify', userId: 'ann', traits: { plan: 'pro' } })).toMatchObject({ type: 'event' });
  });

  it.each([
    ['no json', 'json_malformed'],
    ['{"type":"track"', 'json_malformed'],
    ['null', 'event_not_object'],
    ['[]', 'event_not_object'],
    ['{}', 'type_missing'],
    [JSON.stringify({ ...paid, timestamp: noon, properties: { text: 'x'.repeat(2_000) } }), 'event_too_large'],
    [JSON.stringify({ ...paid, timestamp: noon, userId: 'null' }), 'identity_placeholder'],
  ])('is rejected by itself: %s', (text, reason) => {
    expect(prepare(text)).toMatchObject({ type: 'rejected', reason });
  });

  it('may be blank, too long to be looked at, or nothing to send', () => {
    expect(prepare(' \t')).toEqual({ type: 'blank' });
    expect(prepareLine(1, undefined, { connection, maxEventLength: 9, timeIfMissing: undefined })).toMatchObject({
      reason: 'event_too_large',
    });
    expect(prepare({ type: 'identify', anonymousId: 'a', traits: { b: 1 } })).toMatchObject({ type: 'dropped' });
  });

  it('becomes the same however often it is read, whatever it holds', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json()), fc.nat(), (text, line) => {
        expect(prepare(text, line)).toEqual(prepare(text, line));
      }),
    );
  });
});
