import { readFileSync } from 'node:fs';
import { describe, expect, it } from '@jest/globals';
import { Adjustments } from '../../../src/core/adjustments.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { compileMapping, type MappingEnvironment } from '../../../src/core/mapping/compile-mapping.js';
import { defaultFlattenOptions } from '../../../src/core/mapping/conversions/flatten.js';
import type { Mapping, MappingRule, OperationMapping } from '../../../src/core/mapping/mapping.js';
import { MappingFault } from '../../../src/core/mapping/mapping-fault.js';
import { extendMapping, readMapping } from '../../../src/core/mapping/read-mapping.js';

const environment: MappingEnvironment = {
  operations: { write: 'any', note: 'any', strict: ['properties', 'event'] },
  derived: {
    subject: (source) => source.userId,
    failing: () => new MappingFault('identity_too_long', 'far too long'),
    absent: () => undefined,
  },
  settings: { accountKey: 'acme.key', dollar: '$&${accountKey}' },
  flatten: defaultFlattenOptions,
};

function faultsOf(mapping: Mapping): readonly string[] {
  const faults: string[] = [];
  compileMapping(mapping, environment, faults);
  return faults;
}

function map(operations: readonly OperationMapping[], source: JsonObject) {
  const faults: string[] = [];
  const compiled = compileMapping({ events: { track: operations } }, environment, faults);
  expect(faults).toEqual([]);
  const adjustments = new Adjustments();
  const mapped = compiled.track?.(source, adjustments);
  return { mapped, notes: adjustments.reasons() };
}

/** The fields that the rules make, or the reason why there are none. */
function fieldsOf(rules: readonly MappingRule[], source: JsonObject): Json | undefined {
  const { mapped } = map([{ operation: 'write', fields: rules }], source);
  return mapped instanceof MappingFault ? mapped.reason : mapped?.[0]?.fields;
}

/** What one rule makes of an event for the key `x`. */
function valueOf(rule: Omit<MappingRule, 'destKey'>, source: JsonObject): Json | undefined {
  const fields = fieldsOf([{ destKey: 'x', ...rule }], source);
  return typeof fields === 'string' ? fields : (fields as JsonObject).x;
}

describe('a rule of a mapping', () => {
  it.each<[MappingRule['pick'], JsonObject, Json | undefined]>([
    [undefined, { a: null, b: 0 }, 0],
    ['nonNull', { a: null, b: '' }, ''],
    ['nonNull', { a: null }, undefined],
    ['nonEmpty', { a: '', b: 1 }, 1],
    ['nonEmpty', { a: {}, b: [] }, undefined],
    ['nonEmpty', { a: null, b: false }, false],
    ['truthy', { a: 0, b: ' ' }, ' '],
    ['truthy', { a: false, b: [] }, []],
    ['truthy', { a: '', b: null }, undefined],
    ['defined', { a: 0, b: 1 }, 0],
    ['defined', { b: 1 }, 1],
    ['defined', { a: null, b: 1 }, null],
  ])('that picks the first %s of %j', (pick, source, expected) => {
    expect(valueOf({ sourceKeys: ['a', 'b'], ...(pick === undefined ? {} : { pick }) }, source)).toEqual(expected);
  });

  it.each<[string, Omit<MappingRule, 'destKey'>, Json | undefined]>([
    ['one path', { sourceKeys: 'c.d' }, 7],
    ['a rich path', { sourceKeys: 'list.v', paths: 'rich' }, [1, 2]],
    ['a constant', { value: { any: ['json'] } }, { any: ['json'] }],
    ['a false constant', { value: false }, false],
    ['a derived value', { derived: 'subject' }, 'u-1'],
    ['a derived value that is absent', { derived: 'absent' }, undefined],
    ['a template', { metadata: { template: '{{ c.d }} of {{ userId }}' } }, '7 of u-1'],
    ['a default', { sourceKeys: 'nope', metadata: { default: 'd' } }, 'd'],
    ['a default for a template', { metadata: { template: '{{ nope }}', default: 'd' } }, 'd'],
    ['a default where a conversion fails', { sourceKeys: 'userId', metadata: { type: 'toNumber', default: 0 } }, 0],
    ['a default that is false', { sourceKeys: 'nope', metadata: { default: false } }, false],
    ['one conversion', { sourceKeys: 'c.d', metadata: { type: 'toString' } }, '7'],
    ['conversions in order', { sourceKeys: 'padded', metadata: { type: ['trim', { truncate: 2 }, 'toLower'] } }, 'ab'],
    ['a longest length', { sourceKeys: 'padded', metadata: { type: 'trim', maxLength: 2 } }, 'AB'],
    ['a longest length of what is no text', { sourceKeys: 'c.d', metadata: { maxLength: 1 } }, 7],
    ['inherited members', { sourceKeys: ['constructor', '__proto__', 'c.toString'] }, undefined],
  ])('with %s', (_name, rule, expected) => {
    const source = { userId: 'u-1', c: { d: 7 }, list: [{ v: 1 }, { v: 2 }], padded: ' ABC ' };
    expect(valueOf(rule, source)).toEqual(expected);
  });

  it('notes that it cut a text', () => {
    const fields = [{ destKey: 'properties.x', sourceKeys: 'a', metadata: { maxLength: 2 } }];
    expect(map([{ operation: 'write', fields }], { a: 'abc' }).notes).toEqual(['value_truncated']);
    expect(map([{ operation: 'write', fields }], { a: 'ab' }).notes).toEqual([]);
  });

  it.each<[string, MappingRule['required'], Json | undefined, Json]>([
    ['a missing value', true, undefined, 'identity_missing'],
    ['null', true, null, 'identity_missing'],
    ['an empty text', true, '', 'identity_missing'],
    ['an empty object', true, {}, 'identity_missing'],
    ['zero', true, 0, { x: 0 }],
    ['false', true, false, { x: false }],
    ['a missing value', 'truthy', undefined, 'identity_missing'],
    ['zero', 'truthy', 0, 'identity_missing'],
    ['an empty object', 'truthy', {}, { x: {} }],
    ['an empty text', false, '', { x: '' }],
    ['a missing value', false, undefined, {}],
  ])('meets %s where required is %s', (_name, required, value, expected) => {
    const rule: MappingRule = {
      destKey: 'x',
      sourceKeys: 'a',
      ...(required === undefined ? {} : { required }),
      reason: 'identity_missing',
    };
    expect(fieldsOf([rule], value === undefined ? {} : { a: value })).toEqual(expected);
  });

  it('judges whether a required value is there after its conversions', () => {
    const rule: MappingRule = { destKey: 'x', sourceKeys: 'a', required: true, metadata: { type: 'trim' } };
    expect(fieldsOf([rule], { a: '  ' })).toBe('required_field_missing');
    expect(fieldsOf([{ ...rule, metadata: { type: 'toNumber', default: 1 } }], { a: 'no' })).toEqual({ x: 1 });
  });

  it('is passed over when the operation has a key already', () => {
    const rules: MappingRule[] = [
      { destKey: 'identity', sourceKeys: 'userId' },
      { destKey: 'user_id', value: '1', unless: 'identity', required: true },
    ];
    expect(fieldsOf(rules, { userId: 'u' })).toEqual({ identity: 'u' });
    expect(fieldsOf(rules, {})).toEqual({ user_id: '1' });
  });

  it('is not passed over for a key that every object inherits', () => {
    expect(fieldsOf([{ destKey: 'a', value: 1, unless: 'toString' }], {})).toEqual({ a: 1 });
  });

  it.each<[string, string]>([
    ['event', '{"event":1}'],
    ['properties.plan', '{"properties":{"plan":1}}'],
    ['properties.a.b', '{"properties":{"a.b":1}}'],
    ['properties.${accountKey}', '{"properties":{"acme.key":1}}'],
    ['properties.${dollar}', '{"properties":{"$&${accountKey}":1}}'],
    ['properties.__proto__', '{"properties":{"__proto__":1}}'],
    ['__proto__', '{"__proto__":1}'],
    ['__proto__.polluted', '{"__proto__":{"polluted":1}}'],
    ['constructor.prototype', '{"constructor":{"prototype":1}}'],
    ['text.a', '{"text":{"a":1}}'],
  ])('sets %s', (destKey, expected) => {
    const rules: MappingRule[] = [{ destKey, value: 1 }];
    const before: MappingRule[] = destKey.startsWith('text') ? [{ destKey: 'text', value: 'x' }] : [];
    const fields = JSON.stringify(fieldsOf([...before, ...rules], {}));
    // Mended before anything is expected, so that one fault does not fail every other test.
    const isPolluted = Reflect.ownKeys(Object.prototype).includes('polluted');
    Reflect.deleteProperty(Object.prototype, 'polluted');
    expect([fields, isPolluted]).toEqual([expected, false]);
  });

  it('adds a member to properties that came from the event without changing the event', () => {
    const source = { properties: Object.freeze({ a: 1 }) };
    const rules: MappingRule[] = [
      { destKey: 'properties', sourceKeys: 'properties' },
      { destKey: 'properties.b', value: 2 },
    ];
    expect(fieldsOf(rules, source)).toEqual({ properties: { a: 1, b: 2 } });
    expect(source.properties).toEqual({ a: 1 });
  });

  it('that derives a fault hands it on', () => {
    const { mapped } = map([{ operation: 'write', fields: [{ destKey: 'x', derived: 'failing' }] }], {});
    expect(mapped).toEqual(new MappingFault('identity_too_long', 'far too long'));
  });
});

describe('the operations of an event', () => {
  const write = (
    key: string,
    more: Partial<OperationMapping> = {},
    reason?: MappingRule['reason'],
  ): OperationMapping => ({
    operation: 'write',
    fields: [{ destKey: key, sourceKeys: key, required: true, ...(reason === undefined ? {} : { reason }) }],
    ...more,
  });

  it('come in the order of the mapping', () => {
    const { mapped } = map([write('a'), { ...write('b'), operation: 'note' }], { a: 1, b: 2 });
    expect(mapped).toEqual([
      { kind: 'write', fields: { a: 1 } },
      { kind: 'note', fields: { b: 2 } },
    ]);
  });

  it('are none at all when one that may not be skipped lacks something', () => {
    const { mapped } = map([write('a'), write('b', {}, 'event_name_missing')], { a: 1 });
    expect(mapped).toMatchObject({ reason: 'event_name_missing' });
  });

  it('are the others when one that may be skipped lacks something', () => {
    const skip = { ifMissing: 'skip', noteSkip: 'account_link_skipped' } as const;
    const { mapped, notes } = map([write('b', skip, 'account_id_missing'), write('a')], { a: 1 });
    expect(mapped).toEqual([{ kind: 'write', fields: { a: 1 } }]);
    expect(notes).toEqual(['account_link_skipped']);
  });

  it('are refused for the most telling reason when all are skipped', () => {
    const skip = { ifMissing: 'skip' } as const;
    const reasonOf = (operations: readonly OperationMapping[]): unknown => {
      const { mapped } = map(operations, {});
      return mapped instanceof MappingFault ? mapped.reason : mapped;
    };
    expect(reasonOf([write('a', skip), write('b', skip, 'identity_missing')])).toBe('identity_missing');
    expect(reasonOf([write('a', skip, 'identity_missing'), write('b', skip)])).toBe('identity_missing');
    expect(reasonOf([write('a', skip, 'traits_missing'), write('b', skip, 'identity_missing')])).toBe('traits_missing');
    expect(reasonOf([write('a', skip)])).toBe('nothing_to_send');
  });

  it('are compiled for the event types of the mapping only', () => {
    const compiled = compileMapping({ events: { page: [write('a')] } }, environment, []);
    expect(Object.keys(compiled)).toEqual(['page']);
  });
});

describe('a mapping that can not be compiled', () => {
  it('says where a field is none that the operation takes', () => {
    const fields = [
      { destKey: 'evnt', value: 1 },
      { destKey: 'properties.plan', value: 1 },
    ];
    expect(faultsOf({ events: { track: [{ operation: 'strict', fields }] } })).toEqual([
      'events.track[0].fields[0].destKey: strict has no "evnt"; it takes properties, event',
    ]);
  });

  const faultOf = (rule: MappingRule): readonly string[] =>
    faultsOf({ events: { track: [{ operation: 'write', fields: [{ destKey: 'ok', value: 1 }, rule] }] } });

  it.each<[string, MappingRule, string]>([
    ['no source', { destKey: 'x' }, 'needs exactly one of sourceKeys, derived, value and metadata.template'],
    [
      'two sources',
      { destKey: 'x', sourceKeys: 'a', value: 1 },
      'needs exactly one of sourceKeys, derived, value and metadata.template',
    ],
    ['an unknown derived value', { destKey: 'x', derived: 'mood' }, 'derived "mood" is unknown; it may be subject,'],
    ['an inherited name as derived value', { destKey: 'x', derived: 'toString' }, 'derived "toString" is unknown'],
    ['a broken path', { destKey: 'x', sourceKeys: ['a', 'b..c'] }, 'path "b..c" can\'t be read'],
    ['a broken template', { destKey: 'x', metadata: { template: 'none' } }, 'template "none" has no {{ path }}'],
    ['a broken path in a template', { destKey: 'x', metadata: { template: '{{ .a }}' } }, 'starts with a dot'],
    ['an unknown setting', { destKey: 'properties.${mood}', value: 1 }, '${mood} is no setting; it may be accountKey,'],
    [
      'an unknown reason',
      { destKey: 'x', value: 1, required: true, reason: 'because' as 'heap_rejected' },
      'reason "because" is not a registered reason',
    ],
    [
      'a reason that is no ground to refuse an event',
      { destKey: 'x', value: 1, required: true, reason: 'value_truncated' as 'heap_rejected' },
      'reason "value_truncated" is not a registered reason for rejecting or dropping an event',
    ],
    [
      'a reason of whole requests',
      { destKey: 'x', value: 1, required: true, reason: 'body_too_large' as 'heap_rejected' },
      'reason "body_too_large" is not a registered reason for rejecting or dropping an event',
    ],
  ])('says where it has %s', (_name, rule, message) => {
    const faults = faultOf(rule);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(`events.track[0].fields[1] (${rule.destKey}): `);
    expect(faults[0]).toContain(message);
  });

  it('says all that is wrong at once', () => {
    const faults = faultsOf({
      events: {
        track: [
          { operation: 'write', fields: [{ destKey: 'a' }, { destKey: 'b', sourceKeys: ['.x', 'y.'] }] },
          { operation: 'dance', fields: [{ destKey: 'c', derived: 'mood' }] },
        ],
        alias: [{ operation: 'note', fields: [{ destKey: '${d}', metadata: { template: '' } }] }],
      },
    });
    expect(faults).toEqual([
      expect.stringContaining('events.track[0].fields[0] (a)'),
      expect.stringContaining('events.track[0].fields[1] (b)'),
      expect.stringContaining('events.track[0].fields[1] (b)'),
      'events.track[1].operation: "dance" is no operation; it may be write, note, strict',
      expect.stringContaining('events.track[1].fields[0] (c)'),
      expect.stringContaining('events.alias[0].fields[0] (${d})'),
      expect.stringContaining('events.alias[0].fields[0] (${d})'),
    ]);
  });
});

function messagesFor(value: Json): readonly string[] {
  const faults: string[] = [];
  expect(readMapping(value, faults)).toBe(faults.length === 0 ? value : undefined);
  return faults;
}

const withRule = (rule: JsonObject): Json => ({ events: { track: [{ operation: 'write', fields: [rule] }] } });

describe('reading a mapping', () => {
  const ruleAt = 'events.track[0].fields[0]';

  it.each<[string, Json, string]>([
    ['text', 'mapping', 'the mapping must be object'],
    ['null', null, 'the mapping must be object'],
    ['nothing', {}, 'events is required'],
    [
      'an unknown member',
      { events: {}, rules: [] },
      'rules is not known here; known are $schema, description, extends,',
    ],
    ['an unknown event type', { events: { click: [] } }, 'events.click is not known here; known are track, identify,'],
    ['operations that are no list', { events: { track: {} } }, 'events.track must be array'],
    [
      'an operation without fields',
      { events: { track: [{ operation: 'write' }] } },
      'events.track[0].fields is required',
    ],
    [
      'an empty list of fields',
      { events: { track: [{ operation: 'write', fields: [] }] } },
      'events.track[0].fields must NOT have fewer than 1 items',
    ],
    ['a rule without a destKey', withRule({ value: 1 }), `${ruleAt}.destKey is required`],
    ['a misspelled member', withRule({ destKey: 'x', sourceKey: 'a' }), `${ruleAt}.sourceKey is not known here`],
    ['a sourceKeys of the wrong type', withRule({ destKey: 'x', sourceKeys: 1 }), `${ruleAt}.sourceKeys has none of`],
    ['an empty list of sourceKeys', withRule({ destKey: 'x', sourceKeys: [] }), `${ruleAt}.sourceKeys has none of`],
    ['an unknown pick', withRule({ destKey: 'x', pick: 'best' }), `${ruleAt}.pick must be one of "defined","nonNull"`],
    [
      'an unknown required',
      withRule({ destKey: 'x', required: 'yes' }),
      `${ruleAt}.required must be one of true,false`,
    ],
    [
      'a maxLength of zero',
      withRule({ destKey: 'x', metadata: { maxLength: 0 } }),
      `${ruleAt}.metadata.maxLength must be >= 1`,
    ],
    ['an unknown conversion', withRule({ destKey: 'x', metadata: { type: 'toUpper' } }), `${ruleAt}.metadata.type has`],
    [
      'an unknown conversion among others',
      withRule({ destKey: 'x', metadata: { type: ['trim', 'toUpper'] } }),
      `${ruleAt}.metadata.type`,
    ],
    [
      'a conversion with a wrong option',
      withRule({ destKey: 'x', metadata: { type: { hash: 'sha1' } } }),
      `${ruleAt}.metadata.type`,
    ],
  ])('says in one sentence what is wrong with %s', (_name, value, message) => {
    const faults = messagesFor(value);
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it('says all that is wrong at once', () => {
    expect(messagesFor({ events: { click: [], track: [{ operation: 1, fields: [{ destKey: '' }] }] } })).toHaveLength(
      3,
    );
  });

  it.each(['heap', 'rudderstack'])('takes the preset %s as it is', (preset) => {
    const file = new URL(`../../../src/destinations/heap/mapping/${preset}.json`, import.meta.url);
    expect(messagesFor(JSON.parse(readFileSync(file, 'utf8')) as Json)).toEqual([]);
  });

  it('takes every member that a mapping may have', () => {
    const rule: MappingRule = {
      destKey: 'properties.${accountKey}',
      sourceKeys: ['a', "b['c']"],
      pick: 'nonEmpty',
      paths: 'rich',
      unless: 'identity',
      required: 'truthy',
      reason: 'identity_missing',
      metadata: {
        type: [
          'toString',
          { truncate: 1 },
          { hash: 'md5' },
          { lookup: { a: null }, otherwise: [] },
          { flatten: { joinWith: '' } },
          { rename: { a: 'b' } },
          { exclude: ['a*'] },
        ],
        default: null,
        maxLength: 1,
      },
    };
    const operation: OperationMapping = {
      operation: 'write',
      ifMissing: 'skip',
      noteSkip: 'account_link_skipped',
      extend: true,
      fields: [rule],
    };
    const mapping: Mapping = { $schema: 's', description: 'd', extends: 'heap', events: { track: [operation] } };
    expect(messagesFor(mapping as unknown as Json)).toEqual([]);
  });
});

describe('a mapping that extends a preset', () => {
  const preset: Mapping = {
    events: {
      track: [
        {
          operation: 'write',
          ifMissing: 'skip',
          fields: [
            { destKey: 'a', value: 1 },
            { destKey: 'b', value: 2 },
          ],
        },
        { operation: 'note', fields: [{ destKey: 'n', value: 0 }] },
      ],
      page: [{ operation: 'write', fields: [{ destKey: 'p', value: 1 }] }],
    },
  };

  function extend(events: Mapping['events']): readonly [Mapping['events'], readonly string[]] {
    const faults: string[] = [];
    const before = JSON.stringify(preset);
    const extended = extendMapping(preset, { extends: 'heap', events }, faults);
    expect(JSON.stringify(preset)).toBe(before);
    return [extended.events, faults];
  }

  it('has the operations of the preset for types that it does not name', () => {
    const [events, faults] = extend({ screen: [{ operation: 'note', fields: [{ destKey: 's', value: 1 }] }] });
    expect(faults).toEqual([]);
    expect(events.track).toEqual(preset.events.track);
    expect(events.page).toEqual(preset.events.page);
    expect(events.screen).toEqual([{ operation: 'note', fields: [{ destKey: 's', value: 1 }] }]);
  });

  it('lays fields over those of the same operation: in place, or behind them', () => {
    const [events, faults] = extend({
      track: [
        {
          operation: 'write',
          extend: true,
          fields: [
            { destKey: 'c', value: 3 },
            { destKey: 'a', value: 9 },
          ],
        },
      ],
    });
    expect(faults).toEqual([]);
    expect(events.track).toEqual([
      {
        operation: 'write',
        ifMissing: 'skip',
        extend: true,
        fields: [
          { destKey: 'a', value: 9 },
          { destKey: 'b', value: 2 },
          { destKey: 'c', value: 3 },
        ],
      },
      { operation: 'note', fields: [{ destKey: 'n', value: 0 }] },
    ]);
  });

  it('replaces the operations of a type where it does not say extend', () => {
    const replaced: OperationMapping[] = [{ operation: 'note', fields: [{ destKey: 'z', value: 1 }] }];
    expect(extend({ track: replaced })).toEqual([{ ...preset.events, track: replaced }, []]);
  });

  it('replaces all operations but those that it extends, where it does both', () => {
    const [events] = extend({
      track: [
        { operation: 'note', extend: true, fields: [{ destKey: 'm', value: 1 }] },
        { operation: 'write', fields: [{ destKey: 'z', value: 1 }] },
      ],
    });
    expect(events.track?.map(({ operation, fields }) => [operation, fields.map(({ destKey }) => destKey)])).toEqual([
      ['note', ['n', 'm']],
      ['write', ['z']],
    ]);
  });

  it('says so when it extends what the preset does not have', () => {
    const [, faults] = extend({
      page: [{ operation: 'note', extend: true, fields: [{ destKey: 'x', value: 1 }] }],
      alias: [{ operation: 'write', extend: true, fields: [{ destKey: 'x', value: 1 }] }],
    });
    expect(faults).toEqual([
      'events.page[0] extends "note", which the preset does not make of it',
      'events.alias[0] extends "write", which the preset does not make of it',
    ]);
  });
});
