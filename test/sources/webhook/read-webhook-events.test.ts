import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { ReadEvents } from '../../../src/sources/segment/read-batch.js';
import { readWebhookEvents } from '../../../src/sources/webhook/read-webhook-events.js';

const receivedAt = Date.UTC(2026, 10, 22, 8);

function read(text: string): ReadEvents {
  return readWebhookEvents(text, { receivedAt, maxEvents: 3, maxSharedLength: 1_000, newId: () => 'new' });
}

function idsOf(result: ReadEvents): readonly unknown[] {
  if (!result.ok) throw new Error(result.message);
  return result.events.map(({ value }) => (value as { readonly messageId?: unknown } | null)?.messageId);
}

describe('the body of a webhook', () => {
  it('may be one event, with the type that it names', () => {
    const text = '{"type":"track","event":"Paid","messageId":"a","anonymousId":"v"}';
    expect(read(text)).toEqual({
      ok: true,
      events: [{ value: { ...(JSON.parse(text) as object), receivedAt: '2026-11-22T08:00:00.000Z' } }],
    });
  });

  it('may be an array of events', () => {
    expect(idsOf(read('[{"messageId":"a"},{"messageId":"b"},{}]'))).toEqual(['a', 'b', 'new']);
  });

  it('may be a batch, whose context the events share', () => {
    const result = read('{"batch":[{"messageId":"a"},{"messageId":"b"}],"context":{"ip":"1"}}');
    expect(idsOf(result)).toEqual(['a', 'b']);
    expect(result.ok && result.events[1]?.value).toMatchObject({ context: { ip: '1' } });
  });

  it.each(['', ' ', '\r\n', '[]', '{"batch":[]}'])('may be nothing: %j', (text) => {
    expect(read(text)).toEqual({ ok: true, events: [] });
  });

  it('passes on what is no event as it is, in its place', () => {
    const result = read('[null,7,{"messageId":"a"}]');
    expect(result.ok && result.events.map(({ value }) => value)).toMatchObject([null, 7, { messageId: 'a' }]);
  });

  it.each(['null', '7', '"text"', 'true'])('%s is no event', (text) => {
    expect(read(text)).toMatchObject({ ok: false, reason: 'batch_missing' });
  });

  it('takes an odd batch for a field of an event', () => {
    expect(read('{"batch":7,"messageId":"a"}')).toMatchObject({ ok: true, events: [{ value: { batch: 7 } }] });
  });

  it('has at most so many events', () => {
    expect(read('[{},{},{},{}]')).toMatchObject({ ok: false, reason: 'batch_too_long' });
  });

  it('notes a key that stands twice at the event that has it', () => {
    for (const text of [
      '[{"messageId":1},{"messageId":2,"messageId":3}]',
      '{"batch":[{"messageId":1},{"messageId":2,"messageId":3}]}',
    ]) {
      const result = read(text);
      expect(result.ok && result.events.map(({ adjustments }) => adjustments)).toEqual([undefined, ['duplicate_key']]);
    }
  });

  it('never throws, whatever the text', () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.json(), fc.string({ unit: 'binary' })), (text) => {
        expect(typeof read(text).ok).toBe('boolean');
      }),
    );
  });
});
