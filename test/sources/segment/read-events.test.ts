import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { eventTypes, type EventType } from '../../../src/core/event/event.js';
import type { IncomingEvent } from '../../../src/core/intake.js';
import { parseBody } from '../../../src/sources/segment/parse-body.js';
import type { ReadContext, ReadEvents } from '../../../src/sources/segment/read-batch.js';
import { readEvents } from '../../../src/sources/segment/read-events.js';

const receivedAt = Date.UTC(2026, 10, 22, 8);
const receivedAtText = '2026-11-22T08:00:00.000Z';

function readText(text: string, type: EventType | undefined, context: ReadContext): ReadEvents {
  const result = parseBody(text);
  return result.ok ? readEvents(result.parsed, type, context) : result;
}

function read(body: unknown, type?: EventType): ReadEvents {
  let ids = 0;
  const text = typeof body === 'string' ? body : JSON.stringify(body);
  return readText(text, type, {
    receivedAt,
    maxEvents: 10,
    maxSharedLength: 1_000,
    newId: () => `id-${(ids += 1)}`,
  });
}

function eventsOf(result: ReadEvents): readonly IncomingEvent[] {
  if (!result.ok) throw new Error(result.message);
  return result.events;
}

describe('a batch', () => {
  it('is read event by event; each gets what the request says about it', () => {
    const events = eventsOf(
      read({
        batch: [{ type: 'track', messageId: 'a' }, { type: 'page' }],
        sentAt: '2026-11-22T07:59:59.000Z',
        writeKey: 'secret',
      }),
    );
    expect(events).toEqual([
      { value: { type: 'track', messageId: 'a', sentAt: '2026-11-22T07:59:59.000Z', receivedAt: receivedAtText } },
      {
        value: { type: 'page', messageId: 'id-1', sentAt: '2026-11-22T07:59:59.000Z', receivedAt: receivedAtText },
        adjustments: ['idempotency_key_missing'],
      },
    ]);
  });

  it('leaves alone what an event says itself', () => {
    const event = {
      type: 'track',
      messageId: 'a',
      sentAt: '2020-01-01',
      receivedAt: '2020-01-02',
      context: { ip: '1' },
    };
    const [first] = eventsOf(read({ batch: [event], sentAt: '2026-11-22', context: { ip: '2', locale: 'en' } }));
    expect(first?.value).toEqual({ ...event, context: { ip: '1', locale: 'en' } });
  });

  it('fills in for null and for an empty messageId', () => {
    const event = { type: 'track', messageId: '', sentAt: null, receivedAt: null, context: null };
    const [first] = eventsOf(read({ batch: [event], sentAt: '2026-11-22', context: { ip: '2' } }));
    expect(first?.value).toEqual({
      type: 'track',
      messageId: 'id-1',
      sentAt: '2026-11-22',
      receivedAt: receivedAtText,
      context: { ip: '2' },
    });
  });

  it('shares context and integrations with events that have none, and spares a context that is no object', () => {
    const shared = { context: { ip: '2' }, integrations: { All: false } };
    const events = eventsOf(read({ batch: [{ type: 'track' }, { type: 'track', context: 'odd' }], ...shared }));
    expect(events[0]?.value).toMatchObject(shared);
    expect(events[1]?.value).toMatchObject({ context: 'odd', integrations: { All: false } });
  });

  it('passes on what is no event as it is, in its place', () => {
    const odd = [null, 7, 'text', true, [], [{}]];
    expect(eventsOf(read({ batch: odd })).map(({ value }) => value)).toEqual(odd);
  });

  it('may hold as many events as it is allowed to, and is refused whole with one more', () => {
    const events = Array.from({ length: 10 }, () => ({ messageId: 1 }));
    expect(eventsOf(read({ batch: events }))).toHaveLength(10);
    expect(read({ batch: [...events, {}] })).toMatchObject({ ok: false, reason: 'batch_too_long' });
  });

  it('may be empty', () => {
    expect(read({ batch: [] })).toEqual({ ok: true, events: [] });
  });

  it.each([{}, [], [{ type: 'track' }], { batch: {} }, { batch: null }, { type: 'track' }, 'null', '7', '"text"'])(
    '%j is none',
    (body) => {
      expect(read(body)).toMatchObject({ ok: false, reason: 'batch_missing' });
    },
  );

  it('may begin with a byte order mark', () => {
    expect(eventsOf(read('\uFEFF{"batch":[{"type":"track"}]}'))).toHaveLength(1);
  });

  it('notes a key that stands twice at the event that has it, and at no other', () => {
    const events = eventsOf(
      read(
        '{"batch":[{"messageId":1},{"messageId":2,"properties":{"a":1,"a":2}},{"messageId":3,"a:b":":","c":[{},{}]}]}',
      ),
    );
    expect(events.map(({ adjustments }) => adjustments)).toEqual([undefined, ['duplicate_key'], undefined]);
  });

  it('notes a key that stands twice whatever the other events of the batch repeat', () => {
    const hostile = `{"messageId":1,"deep":${'['.repeat(100)}{${'"a":0,'.repeat(1_000)}"a":0}${']'.repeat(100)}}`;
    const events = eventsOf(read(`{"batch":[${hostile},{"messageId":2,"a":1,"a":2}]}`));
    expect(events.map(({ adjustments }) => adjustments)).toEqual([['duplicate_key'], ['duplicate_key']]);
  });

  it('notes that an event had no messageId, so that the same event sent again is another one', () => {
    const events = eventsOf(read({ batch: [{ messageId: 'a' }, {}, { messageId: '' }, { messageId: null }, 7] }));
    const noted = ['idempotency_key_missing'];
    expect(events.map(({ adjustments }) => adjustments)).toEqual([undefined, noted, noted, noted, undefined]);
  });

  it('keeps __proto__ as the data it is', () => {
    const [event] = eventsOf(
      read('{"batch":[{"type":"track","properties":{"__proto__":{"a":1}}}],"__proto__":{"b":2}}'),
    );
    expect(JSON.stringify(event?.value)).toContain('"properties":{"__proto__":{"a":1}}');
    expect(({} as Record<string, unknown>).b).toBeUndefined();
  });

  it('gives every event without a messageId one of its own', () => {
    const result = readText(JSON.stringify({ batch: [{}, {}, {}] }), undefined, {
      receivedAt,
      maxEvents: 3,
      maxSharedLength: 1_000,
    });
    const ids = eventsOf(result).map(({ value }) => (value as { messageId: string }).messageId);
    expect(new Set(ids).size).toBe(3);
    for (const id of ids) expect(id).toMatch(/^[0-9a-f-]{36}$/);
  });
});

describe('a request for one event', () => {
  it.each(eventTypes)('takes the type %s from its path, whatever the body says', (type) => {
    const [event] = eventsOf(read({ type: 'nonsense', userId: 'ann' }, type));
    expect(event?.value).toEqual({ type, userId: 'ann', messageId: 'id-1', receivedAt: receivedAtText });
  });

  it.each(['null', '7', '[]', '[{"userId":"ann"}]', '"text"'])('refuses %s, which is no event', (text) => {
    expect(read(text, 'track')).toMatchObject({ ok: false, reason: 'batch_missing' });
  });

  it('notes a key that stands twice', () => {
    expect(eventsOf(read('{"event":"A","event":"B","messageId":1}', 'track'))[0]?.adjustments).toEqual([
      'duplicate_key',
    ]);
  });
});

describe('a text that is no JSON', () => {
  it.each(['', ' ', '{', '{"batch":[}', 'undefined', "{'a':1}", '{"a":NaN}', '\0', '{"batch":[]} x'])(
    '%j is refused',
    (text) => {
      expect(read(text)).toMatchObject({ ok: false, reason: 'json_malformed' });
    },
  );

  it('is refused without repeating any of it, as it may be personal data', () => {
    const result = read('{"batch":[{"email":"ann@example.com" "x"}]}');
    expect(result).toMatchObject({ ok: false, message: expect.stringMatching(/at position \d+$/) });
    expect(JSON.stringify(result)).not.toContain('ann');
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        expect(typeof read(text).ok).toBe('boolean');
        expect(typeof read(text, 'track').ok).toBe('boolean');
      }),
    );
  });
});

describe('a context that a batch shares', () => {
  const context = { traits: { about: 'x'.repeat(400) } };

  it('is given to its events', () => {
    const [event] = eventsOf(read({ context, batch: [{ type: 'track' }] }));
    expect(event?.value).toMatchObject({ context });
  });

  it('is refused where a copy for each event would be more than one request may bring', () => {
    const batch = [{ type: 'track' }, { type: 'track' }, { type: 'track' }];
    expect(read({ context, batch })).toMatchObject({ ok: false, reason: 'body_too_large' });
  });
});
