import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Adjustments } from '../../../src/core/adjustments.js';
import { eventTime } from '../../../src/core/event/event-time.js';
import { parseTime, toIsoUtc } from '../../../src/core/event/parse-time.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';

const noon = Date.UTC(2024, 4, 1, 12);
const minute = 60_000;

describe('reading a time', () => {
  it.each<[Json, string]>([
    ['2024-05-01T12:00:00.123Z', '2024-05-01T12:00:00.123Z'],
    ['2024-05-01T12:00:00Z', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01t12:00:00z', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01T12:00Z', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01T12:00:00', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01 12:00:00', '2024-05-01T12:00:00.000Z'],
    ['2024-05-01 12:00:00 +0200', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01', '2024-05-01T00:00:00.000Z'],
    ['2024-05-01T12:00:00+05:30', '2024-05-01T06:30:00.000Z'],
    ['2024-05-01T12:00:00-0800', '2024-05-01T20:00:00.000Z'],
    ['2024-05-01T12:00:00+02', '2024-05-01T10:00:00.000Z'],
    ['2024-05-01T00:30:00+01:00', '2024-04-30T23:30:00.000Z'],
    ['2024-05-01T12:00:00.1Z', '2024-05-01T12:00:00.100Z'],
    ['2024-05-01T12:00:00,25Z', '2024-05-01T12:00:00.250Z'],
    ['2024-05-01T12:00:00.123456789Z', '2024-05-01T12:00:00.123Z'],
    ['2024-05-01T12:00:00.999999999Z', '2024-05-01T12:00:00.999Z'],
    ['  2024-05-01T12:00:00Z\n', '2024-05-01T12:00:00.000Z'],
    ['2024-02-29T00:00:00Z', '2024-02-29T00:00:00.000Z'],
    ['2000-02-29', '2000-02-29T00:00:00.000Z'],
    ['0001-01-01T00:00:00Z', '0001-01-01T00:00:00.000Z'],
    ['0099-12-31', '0099-12-31T00:00:00.000Z'],
    ['9999-12-31T23:59:59.999Z', '9999-12-31T23:59:59.999Z'],
    [1_714_564_800, '2024-05-01T12:00:00.000Z'],
    [1_714_564_800.5, '2024-05-01T12:00:00.500Z'],
    [1_714_564_800_123, '2024-05-01T12:00:00.123Z'],
    ['1714564800', '2024-05-01T12:00:00.000Z'],
    ['1714564800.25', '2024-05-01T12:00:00.250Z'],
    ['1714564800123', '2024-05-01T12:00:00.123Z'],
    [0, '1970-01-01T00:00:00.000Z'],
    [-1, '1969-12-31T23:59:59.000Z'],
  ])('%j is %s', (written, expected) => {
    const time = parseTime(written);
    expect(time === undefined ? undefined : toIsoUtc(time)).toBe(expected);
  });

  it.each<[Json]>([
    ['2024-02-30T00:00:00.000Z'],
    ['2024-02-30'],
    ['2023-02-29T10:00:00Z'],
    ['1900-02-29'],
    ['2024-04-31'],
    ['2024-13-01'],
    ['2024-00-10'],
    ['2024-05-00'],
    ['2024-05-01T24:00:00Z'],
    ['2024-05-01T25:00:00Z'],
    ['2024-05-01T12:60:00Z'],
    ['2024-05-01T12:00:61Z'],
    ['2024-05-01T12:00:00+19:00'],
    ['2024-05-01T12:00:00+01:60'],
    ['2024-05-01T12:00:00.Z'],
    ['2024-05-01T12:00:00.1234567890Z'],
    ['2024-05-01T12:00:00Zulu'],
    ['2024-05-01Z'],
    ['2024-5-1'],
    ['24-05-01'],
    ['+012024-05-01T12:00:00Z'],
    ['0000-12-31T00:00:00Z'],
    ['0001-01-01T00:00:00+01:00'],
    ['9999-12-31T23:59:59-01:00'],
    ['May 1, 2024'],
    ['Wed, 01 May 2024 12:00:00 GMT'],
    ['01/05/2024'],
    ['now'],
    ['NaN'],
    ['Infinity'],
    ['0x10'],
    ['1e9'],
    [''],
    ['   '],
    ['2024'],
    ['20240501'],
    ['x'.repeat(1_000_000)],
    ['1'.repeat(1_000)],
    [JSON.parse('1e400') as Json],
    [JSON.parse('-1e400') as Json],
    [1e300],
    [Number.MAX_SAFE_INTEGER],
    [null],
    [true],
    [[]],
    [[1_714_564_800]],
    [{}],
  ])('%.60j is none', (written) => {
    expect(parseTime(written)).toBeUndefined();
  });

  it('reads any moment in any of the ways to write it in ISO 8601', () => {
    const moment = fc.date({
      min: new Date('0002-01-01T00:00:00.000Z'),
      max: new Date('9998-12-31T00:00:00.000Z'),
      noInvalidDate: true,
    });
    const offset = fc.integer({ min: -18 * 60, max: 18 * 60 });
    fc.assert(
      fc.property(moment, offset, fc.boolean(), fc.boolean(), (date, minutes, hasColon, hasSpace) => {
        const local = new Date(date.getTime() + minutes * minute).toISOString().slice(0, -1);
        const pad = (part: number): string => String(part).padStart(2, '0');
        const size = Math.abs(minutes);
        const zone = `${minutes < 0 ? '-' : '+'}${pad(Math.trunc(size / 60))}${hasColon ? ':' : ''}${pad(size % 60)}`;
        expect(parseTime((hasSpace ? local.replace('T', ' ') : local) + zone)).toBe(date.getTime());
        expect(parseTime(date.toISOString())).toBe(date.getTime());
        expect(parseTime(date.toISOString().slice(0, -1))).toBe(date.getTime());
        expect(parseTime(date.toISOString().slice(0, 10))).toBe(Math.floor(date.getTime() / 86_400_000) * 86_400_000);
      }),
    );
  });

  it('refuses every day that its month does not have', () => {
    for (const year of [1900, 2000, 2023, 2024]) {
      for (let month = 1; month <= 12; month += 1) {
        const days = new Date(Date.UTC(year, month, 0)).getUTCDate();
        for (let day = 1; day <= 31; day += 1) {
          const text = `${year}-${String(month).padStart(2, '0')}-${String(day).padStart(2, '0')}`;
          expect([text, parseTime(text) !== undefined]).toEqual([text, day <= days]);
          expect([text, parseTime(`${text}T00:00:00.000Z`) !== undefined]).toEqual([text, day <= days]);
        }
      }
    }
  });

  it('throws for nothing, and what it reads can be written', () => {
    const digits = fc.stringMatching(/^[0-9:.,TZ+ -]{0,45}$/);
    fc.assert(
      fc.property(fc.oneof(fc.jsonValue(), digits, fc.double(), fc.string({ unit: 'binary' })), (written) => {
        const time = parseTime(written);
        if (time !== undefined) expect(parseTime(toIsoUtc(time)) === time).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

/** The time of an event in minutes from noon, and the adjustments noted on the way. */
function timeOf(event: JsonObject): readonly [number | undefined, readonly string[]] {
  const adjustments = new Adjustments();
  const time = eventTime(event, adjustments);
  return [time === undefined ? undefined : (Date.parse(time) - noon) / minute, adjustments.reasons()];
}

const at = (minutes: number): string => toIsoUtc(noon + minutes * minute);

describe('the time of an event', () => {
  it('is the first that can be known, for every combination of times present, absent and unreadable', () => {
    const states = ['present', 'absent', 'null', 'empty', 'unreadable'] as const;
    const minutesOf = { timestamp: 1, originalTimestamp: 20, sentAt: 24, receivedAt: 300 } as const;
    const fields = Object.keys(minutesOf) as (keyof typeof minutesOf)[];
    for (let index = 0; index < states.length ** fields.length; index += 1) {
      const event: Record<string, Json> = {};
      const known: Partial<Record<string, number>> = {};
      fields.forEach((field, position) => {
        switch (states[Math.trunc(index / states.length ** position) % states.length]) {
          case 'present':
            event[field] = at(minutesOf[field]);
            known[field] = minutesOf[field];
            break;
          case 'null':
            event[field] = null;
            break;
          case 'empty':
            event[field] = '';
            break;
          case 'unreadable':
            event[field] = 'yesterday';
            break;
          case 'absent':
          case undefined:
        }
      });
      const { timestamp, originalTimestamp, sentAt, receivedAt } = known;
      const corrected =
        originalTimestamp !== undefined && sentAt !== undefined && receivedAt !== undefined
          ? receivedAt - (sentAt - originalTimestamp)
          : undefined;
      const [time, adjustments] = timeOf(event);
      expect([event, time]).toEqual([event, timestamp ?? corrected ?? originalTimestamp ?? receivedAt]);
      if (timestamp === undefined && event.timestamp === 'yesterday')
        expect(adjustments).toEqual(['timestamp_invalid']);
      if (!Object.values(event).includes('yesterday')) expect(adjustments).toEqual([]);
    }
  });

  it('cancels the error of the device clock, however wrong it is', () => {
    fc.assert(
      fc.property(fc.integer({ min: 0, max: 10_000 }), fc.integer({ min: -500_000, max: 500_000 }), (waited, skew) => {
        const event = { originalTimestamp: at(skew), sentAt: at(skew + waited), receivedAt: at(waited) };
        expect(timeOf(event)).toEqual([0, []]);
      }),
    );
  });

  it('falls back to the device clock where the corrected time is out of range', () => {
    const originalTimestamp = '0001-01-01T00:00:00.000Z';
    const event = { originalTimestamp, sentAt: '9999-01-01T00:00:00.000Z', receivedAt: at(0) };
    expect(eventTime(event, new Adjustments())).toBe(originalTimestamp);
  });

  it('does not look at times that it does not need', () => {
    expect(timeOf({ timestamp: at(5), sentAt: 'never', receivedAt: 'never' })).toEqual([5, []]);
  });

  it('counts the epoch as a time', () => {
    expect(eventTime({ timestamp: 0, receivedAt: at(0) }, new Adjustments())).toBe('1970-01-01T00:00:00.000Z');
  });

  it('is written in UTC with milliseconds, however the timestamp is, and only if there is such a time', () => {
    const nearlyIso = fc.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z$/);
    const real = fc
      .date({
        min: new Date('0001-01-01T00:00:00.000Z'),
        max: new Date('9999-12-31T23:59:59.999Z'),
        noInvalidDate: true,
      })
      .map((date) => date.toISOString());
    const rolledOver = fc
      .tuple(fc.integer({ min: 1, max: 12 }), fc.integer({ min: 28, max: 32 }))
      .map(([month, day]) => `2023-${String(month).padStart(2, '0')}-${day}T00:00:00.000Z`);
    fc.assert(
      fc.property(fc.oneof(nearlyIso, real, rolledOver), (timestamp) => {
        const expected = parseTime(timestamp);
        const written = expected === undefined ? undefined : toIsoUtc(expected);
        expect(eventTime({ timestamp }, new Adjustments())).toBe(written);
        if (written !== undefined) expect(written).toBe(timestamp);
      }),
      { numRuns: 1_000 },
    );
  });
});
