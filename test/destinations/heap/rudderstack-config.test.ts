import { describe, expect, it } from '@jest/globals';

import type { CompiledDestination } from '../../../src/core/compiled-destination.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { heapBaseUrls } from '../../../src/destinations/heap/endpoints.js';
import { compileRudderStackConfig } from '../../../src/destinations/heap/rudderstack-config.js';
import { userIdOfAnonymousId } from '../../../src/destinations/heap/user-id.js';

const appId = '9000000101';

function compile(config: JsonObject): CompiledDestination {
  return compileRudderStackConfig({ appId, ...config }, heapBaseUrls);
}

/** What an event becomes: its writes as `{kind: item}`, or the reason why there are none. */
function resultOf(config: JsonObject, message: Json): readonly JsonObject[] | string {
  const result = compile(config).transform(message);
  if (result.outcome !== 'mapped') return result.reason;
  return result.operations.map(({ kind, text }) => ({ [kind]: JSON.parse(text) as Json }));
}

const timestamp = '2026-03-10T12:00:00.000Z';
const track = { type: 'track', event: 'E', timestamp, messageId: 'm-1' };
const identify = { type: 'identify', traits: { plan: 'pro' }, timestamp, messageId: 'm-2' };
const messages: readonly JsonObject[] = [
  { ...track, userId: 'ann', anonymousId: 'v-1', properties: { a: { b: [1, null] }, idempotencyKey: 'k' } },
  { ...track, anonymousId: 'v-1', properties: null },
  { ...identify, userId: 'ann', anonymousId: 'v-1' },
  { ...identify, anonymousId: 'v-1' },
  { type: 'page', userId: 'ann', name: 'Home' },
  { type: 'group', userId: 'ann', groupId: 'g-1' },
];

function resultsOf(config: JsonObject): readonly (readonly JsonObject[] | string)[] {
  return messages.map((message) => resultOf(config, message));
}

const parity = [
  [
    {
      track: {
        event: 'E',
        properties: { 'a.b[0]': 1, 'a.b[1]': null },
        identity: 'ann',
        timestamp,
        idempotency_key: 'k',
      },
    },
  ],
  [{ track: { event: 'E', properties: { '': null }, identity: 'v-1', timestamp } }],
  [{ addUserProperties: { identity: 'ann', properties: { plan: 'pro' } } }],
  [{ addUserProperties: { identity: 'v-1', properties: { plan: 'pro' } } }],
  'type_unsupported',
  'type_unsupported',
];

describe('a destination without options', () => {
  it('does what the peer does', () => {
    expect(resultsOf({})).toEqual(parity);
    expect(compile({}).faults).toEqual([]);
  });

  it.each([null, ''])('is one whose options are %j, as a form sends what nobody filled in', (value) => {
    const config = {
      anonymousIdentity: value,
      nestedMode: value,
      idempotency: value,
      eventTypes: value,
      preset: value,
    };
    expect(resultsOf(config)).toEqual(parity);
    expect(compile(config).faults).toEqual([]);
  });

  it('is one whose options name their defaults', () => {
    const config = {
      anonymousIdentity: 'identity',
      nestedMode: 'flattenJson',
      idempotency: 'property',
      preset: 'rudderstack',
    };
    expect(resultsOf({ ...config, eventTypes: [] })).toEqual(parity);
    expect(resultsOf({ ...config, eventTypes: ['track', 'identify'] })).toEqual(parity);
    expect(compile({ ...config, eventTypes: 'track, identify' }).faults).toEqual([]);
  });

  it('does not look at what it does not know', () => {
    expect(resultsOf({ whitelistedEvents: [{ eventName: 'X' }], anonymousidentity: 'hash' })).toEqual(parity);
  });
});

describe('the app_id', () => {
  it.each<[Json, string, string]>([
    ['9000000101', '9000000101', '{"app_id":"9000000101","x":1}'],
    [9_000_000_101, '9000000101', '{"app_id":9000000101,"x":1}'],
    [' 9000000101 ', '9000000101', '{"app_id":" 9000000101 ","x":1}'],
    ['', '', '{"app_id":"","x":1}'],
    ['  ', '', '{"app_id":"  ","x":1}'],
    [null, '', '{"app_id":null,"x":1}'],
    [true, '', '{"app_id":true,"x":1}'],
    [['1'], '', '{"app_id":["1"],"x":1}'],
    [{ id: '1' }, '', '{"app_id":{"id":"1"},"x":1}'],
  ])('%j is %j in bulk requests, where empty is none, and stays as it is in a single one', (given, inBulk, single) => {
    const { lane, singleBody } = compile({ appId: given });
    expect(lane).toEqual({ key: `us:${inBulk}`, region: 'us', appId: inBulk });
    expect(singleBody({ lane, kind: 'track', text: '{"x":1}', bytes: 7 })).toBe(single);
  });

  it('that is absent is not in a single request', () => {
    const { lane, singleBody } = compileRudderStackConfig({}, heapBaseUrls);
    expect(lane.appId).toBe('');
    expect(singleBody({ lane, kind: 'track', text: '{"x":1}', bytes: 7 })).toBe('{"x":1}');
  });
});

describe('the region', () => {
  it.each<[Json | undefined, 'us' | 'eu']>([
    ['eu', 'eu'],
    ['EU', 'us'],
    ['us', 'us'],
    [null, 'us'],
    [['eu'], 'us'],
    [undefined, 'us'],
  ])('is, for dataResidency %j, %s', (dataResidency, region) => {
    const { lane, baseUrl, faults } = compile(dataResidency === undefined ? {} : { dataResidency });
    expect([lane.key, baseUrl, faults]).toEqual([`${region}:${appId}`, heapBaseUrls[region], []]);
  });
});

const merged = (userId: string): JsonObject => ({ identify: { user_id: userId, identity: 'ann', timestamp } });
const written = { addUserProperties: { identity: 'ann', properties: { plan: 'pro' } } };
const trackOf = (who: JsonObject): readonly JsonObject[] => [
  { track: { event: 'E', properties: {}, ...who, timestamp } },
];
const visitor = userIdOfAnonymousId('v-1');

describe('anonymousIdentity', () => {
  it.each<[string, string, Json, readonly JsonObject[] | string]>([
    ['hash', 'a visitor', { ...track, anonymousId: 'v-1' }, trackOf({ user_id: visitor })],
    ['hash', 'a user', { ...track, userId: 'ann', anonymousId: 'v-1' }, trackOf({ identity: 'ann' })],
    [
      'hash',
      'a user of the traits',
      { ...track, context: { traits: { id: 'ann' } }, anonymousId: 'v-1' },
      trackOf({ identity: 'ann' }),
    ],
    ['hash', 'nobody', track, 'identity_missing'],
    ['hash', 'a nameless event', { ...track, event: '' }, 'event_name_missing'],
    ['hash', 'a known visitor', { ...identify, userId: 'ann', anonymousId: 'v-1' }, [merged(visitor), written]],
    ['hash', 'a user without visitor', { ...identify, userId: 'ann' }, [written]],
    ['hash', 'traits of a visitor', { ...identify, anonymousId: 'v-1' }, 'anonymous_traits_unsupported'],
    ['hash', 'traits of nobody', identify, 'identity_missing'],
    ['hash', 'nobody without traits', { type: 'identify' }, 'traits_missing'],
    ['heapUserId', 'a visitor', { ...track, anonymousId: '0042' }, trackOf({ user_id: '42' })],
    ['heapUserId', 'a visitor of a number', { ...track, anonymousId: 42 }, trackOf({ user_id: '42' })],
    ['heapUserId', 'a visitor of another kind', { ...track, anonymousId: 'v-1' }, 'identity_missing'],
    ['heapUserId', 'a known visitor', { ...identify, userId: 'ann', anonymousId: '42' }, [merged('42'), written]],
    ['heapUserId', 'a known visitor of another kind', { ...identify, userId: 'ann', anonymousId: 'v-1' }, [written]],
    ['heapUserId', 'traits of a visitor', { ...identify, anonymousId: '42' }, 'anonymous_traits_unsupported'],
    ['heapUserId', 'traits of nobody', identify, 'identity_missing'],
    ['reject', 'a visitor', { ...track, anonymousId: 'v-1' }, 'identity_missing'],
    ['reject', 'a user', { ...track, userId: 'ann', anonymousId: 'v-1' }, trackOf({ identity: 'ann' })],
    ['reject', 'a known visitor', { ...identify, userId: 'ann', anonymousId: 'v-1' }, [written]],
    ['reject', 'traits of a visitor', { ...identify, anonymousId: 'v-1' }, 'identity_missing'],
    ['identity', 'a visitor', { ...track, anonymousId: 'v-1' }, trackOf({ identity: 'v-1' })],
    ['identity', 'a known visitor', { ...identify, userId: 'ann', anonymousId: 'v-1' }, [written]],
  ])('%s: %s', (anonymousIdentity, _who, message, expected) => {
    expect(resultOf({ anonymousIdentity }, message)).toEqual(expected);
  });
});

describe('nestedMode', () => {
  const nested = {
    a: { b: 1, c: { d: 'x' } },
    list: [1, 2],
    odd: [{ e: 1 }],
    none: null,
    empty: {},
    noneToo: [],
    idempotencyKey: 'k',
  };
  const lists = { list: [1, 2], odd: '[{"e":1}]' };
  it.each<[string, JsonObject]>([
    ['dot', { 'a.b': 1, 'a.c.d': 'x', ...lists }],
    ['bracket', { 'a[b]': 1, 'a[c][d]': 'x', ...lists }],
    ['stringify', { a: '{"b":1,"c":{"d":"x"}}', ...lists }],
    ['drop', lists],
    [
      'flattenJson',
      { 'a.b': 1, 'a.c.d': 'x', 'list[0]': 1, 'list[1]': 2, 'odd[0].e': 1, none: null, empty: {}, noneToo: [] },
    ],
  ])('%s makes nested properties and traits flat its own way', (nestedMode, properties) => {
    expect(resultOf({ nestedMode }, { ...track, userId: 'ann', properties: nested })).toEqual([
      { track: { event: 'E', properties, identity: 'ann', timestamp, idempotency_key: 'k' } },
    ]);
    expect(resultOf({ nestedMode }, { ...identify, userId: 'ann', traits: nested })).toEqual([
      { addUserProperties: { identity: 'ann', properties } },
    ]);
  });

  it.each(['dot', 'bracket', 'stringify', 'drop'])('%s has no properties where there are none', (nestedMode) => {
    for (const properties of [null, 'text', 7, []]) {
      expect(resultOf({ nestedMode }, { ...track, userId: 'ann', properties })).toEqual(trackOf({ identity: 'ann' }));
    }
    expect(resultOf({ nestedMode }, { ...identify, traits: null, userId: 'ann' })).toBe('traits_missing');
  });

  it('goes with the other options', () => {
    const config = { nestedMode: 'bracket', anonymousIdentity: 'hash', idempotency: 'messageId' };
    expect(resultOf(config, { ...track, anonymousId: 'v-1', properties: { a: { b: 1 } } })).toEqual([
      { track: { event: 'E', properties: { 'a[b]': 1 }, user_id: visitor, timestamp, idempotency_key: 'm-1' } },
    ]);
  });
});

describe('idempotency messageId', () => {
  it.each<[Json, Json | undefined]>([
    [{ ...track, userId: 'ann' }, 'm-1'],
    [{ ...track, userId: 'ann', properties: { idempotencyKey: 'k' } }, 'k'],
    [{ ...track, userId: 'ann', properties: { idempotencyKey: '' } }, 'm-1'],
    [{ ...track, userId: 'ann', messageId: '' }, undefined],
    [{ ...track, userId: 'ann', messageId: null }, undefined],
  ])('gives %j the key %j', (message, key) => {
    const [operation] = resultOf({ idempotency: 'messageId' }, message);
    expect(operation).toEqual(trackOf({ identity: 'ann', ...(key === undefined ? {} : { idempotency_key: key }) })[0]);
  });

  it('gives an identify event none', () => {
    expect(resultOf({ idempotency: 'messageId' }, { ...identify, userId: 'ann' })).toEqual([written]);
  });
});

describe('eventTypes', () => {
  const page = { type: 'page', userId: 'ann', name: 'Home', messageId: 'm-3', timestamp };
  const viewed = {
    track: { identity: 'ann', event: 'Page viewed', timestamp, idempotency_key: 'm-3', properties: { name: 'Home' } },
  };

  it.each<[Json]>([[['page']], ['page'], ['screen,page'], [' Page , SCREEN ,'], [['PAGE', 'track']]])(
    '%j takes page events as the heap preset does, and the others as the peer',
    (eventTypes) => {
      expect(resultOf({ eventTypes }, page)).toEqual([viewed]);
      expect(resultOf({ eventTypes }, { ...page, type: ' PAGE' })).toEqual([viewed]);
      expect(resultsOf({ eventTypes }).slice(0, 4)).toEqual(parity.slice(0, 4));
      expect(resultOf({ eventTypes }, { ...page, type: 'alias' })).toBe('type_unsupported');
      expect(compile({ eventTypes }).faults).toEqual([]);
    },
  );

  it('takes group and alias events', () => {
    const config = { eventTypes: ['group', 'alias'], anonymousIdentity: 'hash' };
    const group = resultOf(config, { type: 'group', userId: 'ann', groupId: 'g-1', traits: { size: 3 } });
    expect(group).toEqual([
      { addUserProperties: { identity: 'ann', properties: { account_id: 'g-1' } } },
      { addAccountProperties: { account_id: 'g-1', properties: { size: 3 } } },
    ]);
    const alias = resultOf(config, { type: 'alias', userId: 'ann', previousId: 'v-1', timestamp });
    expect(alias).toEqual([merged(visitor)]);
  });

  it('makes visitors of the other types by the same policy', () => {
    const { userId: _userId, ...anonymous } = { ...page, anonymousId: 'v-1' };
    const of = (anonymousIdentity: string): Json | undefined =>
      resultOf({ eventTypes: ['page'], anonymousIdentity }, anonymous)[0];
    expect(of('identity')).toEqual({ track: { ...viewed.track, identity: 'v-1' } });
    const { identity: _identity, ...rest } = viewed.track;
    expect(of('hash')).toEqual({ track: { ...rest, user_id: visitor } });
  });
});

describe('preset heap', () => {
  it('takes every type by the heap preset, visitors by their hash', () => {
    const [paid, seen, known, unknown, page, group] = resultsOf({ preset: 'heap' });
    expect(paid).toEqual([
      {
        track: {
          identity: 'ann',
          event: 'E',
          timestamp,
          idempotency_key: 'm-1',
          properties: { 'a.b': [1], idempotencyKey: 'k' },
        },
      },
    ]);
    expect(seen).toEqual([{ track: { user_id: visitor, event: 'E', timestamp, idempotency_key: 'm-1' } }]);
    expect(known).toEqual([merged(visitor), written]);
    expect(unknown).toBe('anonymous_traits_unsupported');
    expect(page).toMatchObject([{ track: { event: 'Page viewed' } }]);
    expect(group).toMatchObject([{ addUserProperties: { properties: { account_id: 'g-1' } } }]);
  });

  it('goes with the policy for visitors and the nested mode', () => {
    const config = { preset: 'heap', anonymousIdentity: 'identity', nestedMode: 'bracket' };
    const [paid, seen] = resultsOf(config);
    expect(paid).toMatchObject([{ track: { properties: { 'a[b]': [1] } } }]);
    expect(seen).toMatchObject([{ track: { identity: 'v-1' } }]);
  });

  it('sends everything in bulk: what it makes keeps the rules of Heap', () => {
    const { fitsBulk, transform } = compile({ preset: 'heap' });
    const long = {
      ...track,
      event: 'x'.repeat(2_000),
      userId: 7,
      properties: { ['k'.repeat(2_000)]: 'v'.repeat(2_000) },
    };
    const result = transform(long);
    expect(result.outcome === 'mapped' && result.operations.every(fitsBulk)).toBe(true);
  });
});

describe('a value that an option does not have', () => {
  const secret = 'shh-secret-value';

  it.each<[string, Json]>(
    ['anonymousIdentity', 'nestedMode', 'idempotency', 'preset'].flatMap((key) =>
      [secret, 'HASH', 'hash ', 'Heap', 7, true, false, [secret], [['hash']], { [secret]: secret }].map(
        (value): [string, Json] => [key, value],
      ),
    ),
  )('(%s: %j) counts as absent, and is told without being quoted', (key, value) => {
    const { faults } = compile({ [key]: value });
    expect(resultsOf({ [key]: value })).toEqual(parity);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`Config.${key} must be one of `);
    expect(faults.join()).not.toContain(secret);
  });

  it.each<[Json]>([[secret], [[secret]], [7], [true], [false], [{ page: true }], [[7]], [[['page']]]])(
    '(eventTypes: %j) counts as absent, and is told without being quoted',
    (eventTypes) => {
      const { faults } = compile({ eventTypes });
      expect(resultsOf({ eventTypes })).toEqual(parity);
      expect(faults).toHaveLength(1);
      expect(faults[0]).toContain('Config.eventTypes may list ');
      expect(faults.join()).not.toContain(secret);
    },
  );

  it('leaves the other values of a list as they are', () => {
    const config = { eventTypes: ['group', secret] };
    expect(resultsOf(config)[5]).toMatchObject([{ addUserProperties: { identity: 'ann' } }]);
    expect(compile(config).faults).toHaveLength(1);
  });

  it('falls back to the default of the preset that is there', () => {
    const config = { preset: 'heap', anonymousIdentity: secret, nestedMode: secret };
    expect(resultsOf(config)).toEqual(resultsOf({ preset: 'heap' }));
    expect(compile(config).faults).toEqual([
      'Config.anonymousIdentity must be one of identity, hash, heapUserId, reject; hash is used',
      'Config.nestedMode must be one of flattenJson, dot, bracket, stringify, drop; dot is used',
    ]);
  });

  it('is told for each option', () => {
    const odd = { anonymousIdentity: 1, nestedMode: 2, idempotency: 3, eventTypes: ['x'], preset: 5 };
    expect(compile(odd).faults).toHaveLength(5);
  });
});

describe('the transform of a destination', () => {
  it.each<[JsonObject]>([[{}], [{ anonymousIdentity: 'hash', nestedMode: 'bracket' }], [{ preset: 'heap' }]])(
    'of %j never changes the event',
    (config) => {
      const { transform } = compile(config);
      for (const message of messages) {
        const before = JSON.stringify(message);
        transform(message);
        expect(JSON.stringify(message)).toBe(before);
      }
    },
  );
});
