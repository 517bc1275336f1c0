import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { JsonObject } from '../../../src/core/json/json.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import {
  defaultHeapSettings,
  type AnonymousPolicy,
  type HeapSettings,
} from '../../../src/destinations/heap/connection.js';
import { isHeapUserId, userIdOfAnonymousId } from '../../../src/destinations/heap/user-id.js';

describe('the Heap user_id of an anonymous id', () => {
  it.each([
    ['5a41f0df-b69a-4a99-b656-79506a86c3f8', '8325872782136936'],
    ['anon1', '435837195053672'],
  ])('of %s is the one that Heap makes of it', (anonymousId, userId) => {
    expect(userIdOfAnonymousId(anonymousId)).toBe(userId);
  });

  it('is a decimal below 2^53: the first word of the MD5 and 21 bits of the third, both little-endian', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'grapheme', maxLength: 300 }), (anonymousId) => {
        const digest = createHash('md5').update(anonymousId, 'utf8').digest();
        const expected = (BigInt(digest.readUInt32LE(8)) % 2n ** 21n) * 2n ** 32n + BigInt(digest.readUInt32LE(0));
        const userId = userIdOfAnonymousId(anonymousId);
        expect(userId).toBe(String(expected));
        expect(isHeapUserId(userId)).toBe(true);
      }),
      { numRuns: 1_000 },
    );
  });
});

describe('a Heap user_id', () => {
  it.each([
    ['0', true],
    ['9007199254740991', true],
    ['9007199254740992', false],
    ['10000000000000000', false],
    ['', false],
    ['-1', false],
    ['1.0', false],
    ['1e3', false],
    ['0x1', false],
    [' 1', false],
    ['1\n', false],
    ['١', false],
  ])('is %j: %s', (text, expected) => {
    expect(isHeapUserId(text)).toBe(expected);
  });
});

/** The subject of each item that an event becomes, or why it becomes none. */
function subjectsOf(event: JsonObject, settings: Partial<HeapSettings> = {}): unknown {
  const { transform } = compileConnection(
    { id: 'test', appId: '1', region: 'us', preset: 'heap', settings: { ...defaultHeapSettings, ...settings } },
    [],
  );
  const result = transform({ event: 'Order', traits: { plan: 'pro' }, ...event });
  if (result.outcome !== 'mapped') return result.reason;
  return result.operations.map(({ kind, text }) => {
    const { identity, user_id: userId, account_id: accountId } = JSON.parse(text) as JsonObject;
    return [kind, ...[identity, userId, accountId].filter((id) => id !== undefined)];
  });
}

const anon1 = '435837195053672';

describe('who an event is about', () => {
  it.each<[string, JsonObject, unknown]>([
    ['the user', { type: 'track', userId: 'u' }, [['track', 'u']]],
    ['the user, before the visitor', { type: 'page', userId: 'u', anonymousId: 'anon1' }, [['track', 'u']]],
    ['a user with a number', { type: 'track', userId: 42 }, [['track', '42']]],
    ['the user, without the white space', { type: 'track', userId: ' u\n' }, [['track', 'u']]],
    ['the user in the traits', { type: 'track', traits: { userId: 'u' } }, [['track', 'u']]],
    ['the user in the context', { type: 'screen', context: { traits: { userId: 'u' } } }, [['track', 'u']]],
    [
      'the user in the traits, under a blank one',
      { type: 'track', userId: ' ', traits: { userId: 'u' } },
      [['track', 'u']],
    ],
    ['the visitor', { type: 'track', anonymousId: 'anon1' }, [['track', anon1]]],
    ['the visitor, not nobody', { type: 'track', userId: null, anonymousId: 'anon1' }, [['track', anon1]]],
    ['the visitor, not "undefined"', { type: 'track', userId: 'undefined', anonymousId: 'anon1' }, [['track', anon1]]],
    ['nobody', { type: 'track' }, 'identity_missing'],
    ['"Null" alone', { type: 'track', userId: 'Null' }, 'identity_placeholder'],
    ['a placeholder visitor', { type: 'track', anonymousId: 'unknown' }, 'identity_missing'],
    ['a user whose id is too long', { type: 'track', userId: 'u'.repeat(256), anonymousId: 'a' }, 'identity_too_long'],
    ['a user whose id has NUL', { type: 'track', userId: 'a\0b' }, 'identity_invalid'],
    ['a user whose id is half a pair', { type: 'track', userId: '\ud800' }, 'identity_invalid'],
    [
      'both, to be merged',
      { type: 'identify', userId: 'u', anonymousId: 'anon1' },
      [
        ['identify', 'u', anon1],
        ['addUserProperties', 'u'],
      ],
    ],
    ['"null", who is identified', { type: 'identify', userId: 'null', anonymousId: 'anon1' }, 'identity_placeholder'],
    ['a visitor with traits', { type: 'identify', anonymousId: 'anon1' }, 'anonymous_traits_unsupported'],
    [
      'the group and its member',
      { type: 'group', userId: 'u', groupId: 'g' },
      [
        ['addUserProperties', 'u'],
        ['addAccountProperties', 'g'],
      ],
    ],
    ['the group alone', { type: 'group', groupId: 'g' }, [['addAccountProperties', 'g']]],
    ['no group', { type: 'group', userId: 'u' }, 'account_id_missing'],
    ['who the user was before', { type: 'alias', userId: 'u', previousId: 'anon1' }, [['identify', 'u', anon1]]],
    ['nobody from before', { type: 'alias', userId: 'u' }, 'previous_id_missing'],
  ])('%s', (_name, event, expected) => {
    expect(subjectsOf(event)).toEqual(expected);
  });

  it.each<[AnonymousPolicy, string, unknown]>([
    ['hash', 'anon1', [['track', anon1]]],
    ['hash', '42', [['track', userIdOfAnonymousId('42')]]],
    ['heapUserId', '42', [['track', '42']]],
    ['heapUserId', '0042', [['track', '42']]],
    ['heapUserId', '9007199254740992', 'identity_missing'],
    ['heapUserId', 'anon1', 'identity_missing'],
    ['identity', 'anon1', [['track', 'anon1']]],
    ['reject', 'anon1', 'identity_missing'],
  ])('under the policy %s for the visitor %s', (anonymousIdentity, anonymousId, expected) => {
    expect(subjectsOf({ type: 'track', anonymousId }, { anonymousIdentity })).toEqual(expected);
  });

  it.each<[AnonymousPolicy]>([['hash'], ['heapUserId'], ['identity'], ['reject']])(
    'is the user, if there is one, under the policy %s',
    (anonymousIdentity) => {
      expect(subjectsOf({ type: 'track', userId: 'u', anonymousId: '7' }, { anonymousIdentity })).toEqual([
        ['track', 'u'],
      ]);
    },
  );

  it('is never a placeholder of the list, however it is cased and padded', () => {
    const id = fc.tuple(
      fc.constantFrom(...defaultHeapSettings.placeholderIdentities),
      fc.boolean(),
      fc.constantFrom('', ' ', '\t\n'),
    );
    fc.assert(
      fc.property(id, fc.constantFrom('track', 'identify', 'page', 'alias'), ([text, isUpper, space], type) => {
        const userId = `${space}${isUpper ? text.toUpperCase() : text}${space}`;
        expect(subjectsOf({ type, userId, previousId: 'p' })).toBe('identity_placeholder');
      }),
    );
  });
});
