import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { refusalSignature } from '../../../src/core/delivery/refusal-signature.js';

describe('the signature of a refusal', () => {
  it.each([
    ['an index', 'events[17].event: must be a string', 'events[#].event: must be a string'],
    ['numbers', 'HTTP 400 got 1.5, limit is 1,000.', 'HTTP # got #, limit is #.'],
    ['a list of indices', 'bad events: 3, 17, 204 and 9', 'bad events: # and #'],
    ['a quoted text', 'no such event "Order \\"5\\" done"!', 'no such event "…"!'],
    ['a text in single quotes', "can't read 'ann' as a date", 'can\'t read "…" as a date'],
    ['a text in backticks', 'unknown field `seats`', 'unknown field "…"'],
    ['a quoted text that was cut off', 'no such event "Order comp', 'no such event "…"'],
    ['a name in brackets', 'custom_properties["seats"]: too long', 'custom_properties["…"]: too long'],
    ['an e-mail address', 'identity ann.b+c@example.com: too old', 'identity <email>: too old'],
    ['an e-mail address in brackets', '<ann@example.com> is blocked', '<<email>> is blocked'],
    ['a URL', 'see https://heap.io/docs?id=17#a for help', 'see <url> for help'],
    ['a UUID', 'id 1b4e28ba-2fa1-11d2-883f-0016d3cca427 twice', 'id <id> twice'],
    ['another long id', 'key 507f1f77bcf86cd799439011 twice', 'key <id> twice'],
    ['a moment', 'timestamp 2026-11-22T08:00:05.250Z is in the future', 'timestamp #-#-#T#:#:#Z is in the future'],
    ['white space', ' a\n\tb ', 'a b'],
  ])('has a placeholder for %s', (_, detail, signature) => {
    expect(refusalSignature(detail)).toBe(signature);
  });

  it('keeps the words of a body of JSON: what is quoted there is no quotation', () => {
    expect(refusalSignature('HTTP 400 {"error":"events[3].event: no \\"x\\"", "at":[3,4],"ok":null}')).toBe(
      'HTTP # error: events[#].event: no "…", at: #, ok: null',
    );
    expect(refusalSignature('HTTP 400 {"error":"bad name"}')).not.toBe(refusalSignature('HTTP 400 {"error":"bad id"}'));
  });

  it('is of a text that only looks like JSON too', () => {
    expect(refusalSignature('HTTP 400 [events] {3}')).toBe('HTTP # [events] {#}');
    expect(refusalSignature('HTTP 400 {"error":"cut o')).toBe('HTTP # {"…":"…"');
  });

  it('keeps different words apart', () => {
    const words = ['must be a string', 'must be a number', 'is too long', 'is unknown', ''];
    expect(new Set(words.map(refusalSignature)).size).toBe(words.length);
  });

  it('is the same for two events that differ in index, name, identity and moment', () => {
    const refusal = fc
      .record({
        index: fc.nat(),
        name: fc.stringMatching(/^[^"\\]{0,40}$/),
        user: fc.stringMatching(/^[a-z0-9.+_-]{1,20}$/),
        at: fc.date({ noInvalidDate: true, min: new Date(0), max: new Date(2e12) }),
      })
      .map(
        ({ index, name, user, at }) =>
          `events[${index}]: "${name}" of ${user}@example.com at ${at.toISOString()} is a copy`,
      );
    fc.assert(
      fc.property(refusal, refusal, (one, other) => {
        expect(refusalSignature(one)).toBe(refusalSignature(other));
      }),
    );
  });

  it('is a well-formed text of at most 120 characters, whatever the destination says', () => {
    const anyDetail = fc.oneof(fc.string(), fc.string({ unit: 'binary', maxLength: 500 }), fc.json({ maxDepth: 1 }));
    fc.assert(
      fc.property(anyDetail, (detail) => {
        const signature = refusalSignature(detail);
        expect(signature.length).toBeLessThanOrEqual(120);
        expect(signature.isWellFormed()).toBe(true);
      }),
    );
    expect(refusalSignature(`${'a'.repeat(119)}😀`)).toBe(`${'a'.repeat(119)}\uFFFD`);
  });

  it('is read from the beginning of the text, however long that is', () => {
    expect(refusalSignature(`name "${'x'.repeat(10_000)}" is too long`)).toBe('name "…"');
  });
});
