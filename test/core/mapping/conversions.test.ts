import { createHash } from 'node:crypto';
import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { Adjustments } from '../../../src/core/adjustments.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../../src/core/json/json.js';
import { compileConversion } from '../../../src/core/mapping/compile-conversion.js';
import { compileFlatten, defaultFlattenOptions } from '../../../src/core/mapping/conversions/flatten.js';
import { flattenJson } from '../../../src/core/mapping/conversions/flatten-json.js';
import type { Conversion, FlattenOptions } from '../../../src/core/mapping/mapping.js';
import { MappingFault } from '../../../src/core/mapping/mapping-fault.js';

const infinite = JSON.parse('1e400') as Json;

function convert(conversion: Conversion, value: Json): readonly [Json | undefined, readonly string[]] {
  const adjustments = new Adjustments();
  const converted = compileConversion(conversion, defaultFlattenOptions)(value, adjustments);
  if (converted instanceof MappingFault) throw new Error(`the event is refused: ${converted.reason}`);
  return [converted, adjustments.reasons()];
}

const converted = (conversion: Conversion, value: Json): Json | undefined => convert(conversion, value)[0];

const oddKey = fc.oneof(
  fc.constantFrom('a', 'b', 'c', 'a.b', 'a[0]', '0', '', '__proto__', 'constructor', 'id', 'prefix_x', 'toString'),
  fc.string({ unit: 'binary', maxLength: 4 }),
);

const scalar: fc.Arbitrary<Json> = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.constantFrom<Json>('', ' 12 ', '1.50', '2024-05-01', 'İSTANBUL', 'ΑΣ', '😀😀😀', '\ud83d', 0, -0, 1e21, infinite),
  fc.double({ noNaN: true }),
  fc.boolean(),
  fc.constant(null),
);

const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    scalar,
    fc.array(tie('json'), { maxLength: 4 }),
    fc.array(fc.tuple(oddKey, tie('json')), { maxLength: 4 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

const object = fc.array(fc.tuple(oddKey, json), { maxLength: 6 }).map<JsonObject>((list) => Object.fromEntries(list));

/** JSON text that tells -0 and Infinity apart, for comparing values with any keys. */
function textOf(value: Json | undefined): string | undefined {
  return JSON.stringify(value, (_key, member: unknown) =>
    typeof member === 'number' && (!Number.isFinite(member) || Object.is(member, -0)) ? `number ${member}` : member,
  );
}

function deepFreeze(value: Json): Json {
  if (typeof value === 'object' && value !== null) Object.values(Object.freeze(value)).forEach(deepFreeze);
  return value;
}

describe('the conversion toString', () => {
  it.each<[Json, Json | undefined]>([
    ['text', 'text'],
    ['', ''],
    [42, '42'],
    [-1.5, '-1.5'],
    [1e21, '1e+21'],
    [true, 'true'],
    [{ a: [1] }, '{"a":[1]}'],
    [[], '[]'],
  ])('makes text of %j', (value, expected) => {
    expect(convert('toString', value)).toEqual([expected, []]);
  });

  it('leaves null out without a word and an infinite number with one', () => {
    expect(convert('toString', null)).toEqual([undefined, []]);
    expect(convert('toString', infinite)).toEqual([undefined, ['conversion_failed']]);
  });

  it('leaves out what is nested beyond the stack', () => {
    const deep = JSON.parse(`${'['.repeat(100_000)}${']'.repeat(100_000)}`) as Json;
    expect(convert('toString', deep)).toEqual([undefined, ['conversion_failed']]);
  });
});

describe('the conversion toNumber', () => {
  it.each<[Json, number]>([
    [42, 42],
    ['42', 42],
    [' 42\n', 42],
    ['-1.50', -1.5],
    ['+7', 7],
    ['.5', 0.5],
    ['5.', 5],
    ['1e3', 1000],
    ['1E-2', 0.01],
    [true, 1],
    [false, 0],
  ])('reads %j', (value, expected) => {
    expect(convert('toNumber', value)).toEqual([expected, []]);
  });

  it.each<[Json]>([
    ['$812.37'],
    ['1,024'],
    ['1 024'],
    ['0x10'],
    ['1_000'],
    ['Infinity'],
    ['NaN'],
    ['1e400'],
    [''],
    [' '],
    ['.'],
    ['e5'],
    ['１'],
    [infinite],
    [[1]],
    [{}],
  ])('leaves %j out and says so', (value) => {
    expect(convert('toNumber', value)).toEqual([undefined, ['conversion_failed']]);
  });

  it('leaves null out without a word', () => {
    expect(convert('toNumber', null)).toEqual([undefined, []]);
  });
});

describe('the text conversions', () => {
  it.each<[Conversion, Json, Json]>([
    ['trim', '  a b\t\n', 'a b'],
    ['trim', '\u00a0\ufeffx', 'x'],
    ['toLower', 'Ada@Example.COM', 'ada@example.com'],
    ['toLower', 'ÄΣ', 'äς'],
    [{ truncate: 3 }, 'abcd', 'abc'],
    [{ truncate: 3 }, 'abc', 'abc'],
    [{ truncate: 3 }, 'ab😀', 'ab'],
    [{ truncate: 4 }, 'ab😀', 'ab😀'],
    [{ truncate: 1 }, '😀', ''],
  ])('%j of %j', (conversion, value, expected) => {
    expect(convert(conversion, value)).toEqual([expected, []]);
  });

  it.each<[Conversion]>([['trim'], ['toLower'], [{ truncate: 1 }]])('%j leaves alone what is no text', (conversion) => {
    for (const value of [12, true, null, [' A '], { a: ' A ' }]) {
      expect(convert(conversion, value)).toEqual([value, []]);
    }
  });

  it('truncate keeps as much as fits of well-formed text, and never half a pair', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary' }), fc.integer({ min: 1, max: 12 }), (text, length) => {
        const value = converted({ truncate: length }, text);
        const cut = typeof value === 'string' ? value : 'no text';
        expect(text.startsWith(cut)).toBe(true);
        expect(cut.length).toBeLessThanOrEqual(length);
        expect(cut.length).toBeGreaterThanOrEqual(Math.min(text.length, length - 1));
        if (text.isWellFormed()) expect(cut.isWellFormed()).toBe(true);
      }),
    );
  });
});

describe('the conversion timestamp', () => {
  it.each<[Json, Json | undefined, readonly string[]]>([
    ['2024-05-01T12:00:00+02:00', '2024-05-01T10:00:00.000Z', []],
    [1_714_564_800, '2024-05-01T12:00:00.000Z', []],
    ['2024-02-30', undefined, ['conversion_failed']],
    [true, undefined, ['conversion_failed']],
    [{}, undefined, ['conversion_failed']],
    [null, undefined, []],
  ])('of %j', (value, expected, notes) => {
    expect(convert('timestamp', value)).toEqual([expected, notes]);
  });
});

describe('the conversion hash', () => {
  it('is the lower-case hex digest of the UTF-8 bytes of the text', () => {
    for (const algorithm of ['sha256', 'md5'] as const) {
      fc.assert(
        fc.property(fc.string({ unit: 'grapheme' }), (text) => {
          const expected = createHash(algorithm).update(Buffer.from(text, 'utf8')).digest('hex');
          expect(converted({ hash: algorithm }, text)).toBe(expected);
        }),
      );
    }
  });

  it.each<[Json, string]>([
    ['', 'd41d8cd98f00b204e9800998ecf8427e'],
    ['a', '0cc175b9c0f1b6a831c399e269772661'],
    [42, 'a1d0c6e83f027327d8461063f4ac58a6'],
  ])('of %j', (value, expected) => {
    expect(convert({ hash: 'md5' }, value)).toEqual([expected, []]);
  });

  it('leaves null out', () => {
    expect(convert({ hash: 'sha256' }, null)).toEqual([undefined, []]);
  });
});

describe('the conversion lookup', () => {
  const table: Conversion = {
    lookup: { gold: 'paying', 1: 'one', true: 'yes', none: null, off: false, constructor: 'c' },
  };

  it.each<[Json, Json]>([
    ['gold', 'paying'],
    [1, 'one'],
    [true, 'yes'],
    ['off', false],
    ['constructor', 'c'],
    ['silver', 'silver'],
    ['toString', 'toString'],
    ['__proto__', '__proto__'],
    [['gold'], ['gold']],
    [null, null],
  ])('of %j', (value, expected) => {
    expect(convert(table, value)).toEqual([expected, []]);
  });

  it.each<[Json]>([['silver'], [2], [false], [null], [['gold']], [{}]])(
    'gives %j, which the table does not have, the other value',
    (value) => {
      expect(convert({ lookup: { gold: 'paying' }, otherwise: 'other' }, value)).toEqual(['other', []]);
    },
  );

  it('can replace a text by null', () => {
    expect(convert(table, 'none')).toEqual([null, []]);
    expect(convert({ lookup: { 'n/a': null }, otherwise: 'other' }, 'n/a')).toEqual([null, []]);
    expect(convert({ lookup: { gold: 'paying' }, otherwise: null }, 'silver')).toEqual([null, []]);
  });
});

describe('the conversions of objects', () => {
  it.each<[Conversion, JsonObject, JsonObject]>([
    ['dropNulls', { a: null, b: 0, c: '', d: { e: null } }, { b: 0, c: '', d: { e: null } }],
    [{ exclude: ['a', 'p_*'] }, { a: 1, ab: 2, p_: 3, p_x: 4, b: { a: 5 } }, { ab: 2, b: { a: 5 } }],
    [{ exclude: ['*'] }, { a: 1, b: 2 }, {}],
    [
      { exclude: ['__proto__', 'constructor'] },
      JSON.parse('{"__proto__":1,"constructor":2,"a":3}') as JsonObject,
      { a: 3 },
    ],
    [{ rename: { a: 'b' } }, { a: 1, c: { a: 2 } }, { b: 1, c: { a: 2 } }],
    [{ rename: { a: 'b', b: 'a' } }, { a: 1, b: 2 }, { b: 1, a: 2 }],
    [{ rename: { toString: 'x' } }, { constructor: 1, toString: 2 }, { constructor: 1, x: 2 }],
  ])('%j of %j', (conversion, value, expected) => {
    expect(convert(conversion, value)).toEqual([expected, []]);
  });

  it('rename notes a member that is renamed onto another', () => {
    expect(convert({ rename: { a: 'b' } }, { a: 1, b: 2 })).toEqual([{ b: 2 }, ['key_collision']]);
  });

  it('rename can make a member called __proto__, which is data', () => {
    const renamed = converted({ rename: { a: '__proto__' } }, { a: { polluted: true } });
    expect(JSON.stringify(renamed)).toBe('{"__proto__":{"polluted":true}}');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });

  it.each<[Conversion]>([
    ['dropNulls'],
    ['flatten'],
    [{ exclude: ['a'] }],
    [{ rename: { a: 'b' } }],
    [{ flatten: {} }],
  ])('%j leaves out what is no object, and says so, but for null', (conversion) => {
    for (const value of ['text', 1, true, [], [{ a: 1 }]]) {
      expect(convert(conversion, value)).toEqual([undefined, ['conversion_failed']]);
    }
    expect(convert(conversion, null)).toEqual([undefined, []]);
  });
});

describe('every conversion', () => {
  const all: Conversion[] = [
    'toString',
    'toNumber',
    'trim',
    'toLower',
    'timestamp',
    'flatten',
    'flattenJson',
    'dropNulls',
    { truncate: 3 },
    { hash: 'sha256' },
    { lookup: { a: 'b', true: null, '0': [] }, otherwise: 1 },
    { flatten: { objects: 'bracket', arrays: 'index' } },
    { rename: { a: 'b', b: '__proto__' } },
    { exclude: ['a', 'prefix_*', '__proto__'] },
  ];

  it.each(all)('%j answers any value, the same each time, and changes none', (conversion) => {
    fc.assert(
      fc.property(json, (value) => {
        const before = textOf(value);
        const once = textOf(converted(conversion, deepFreeze(value)));
        expect(textOf(value)).toBe(before);
        expect(textOf(converted(conversion, value))).toBe(once);
      }),
    );
  });

  // Not among them: a hash of a hash is another hash, a lookup or a rename may lead to a name that it replaces as well
  // (a to b, b to c), and a template reads the event, not its own result.
  const idempotent = all.filter(
    (conversion) =>
      typeof conversion === 'string' || !('hash' in conversion || 'lookup' in conversion || 'rename' in conversion),
  );

  it.each(idempotent)('%j applied twice is the same as once', (conversion) => {
    fc.assert(
      fc.property(fc.oneof(json, object), (value) => {
        const once = converted(conversion, value);
        if (once !== undefined) expect(textOf(converted(conversion, once))).toBe(textOf(once));
      }),
      { numRuns: 300 },
    );
  });
});

const objectModes = ['dot', 'bracket', 'stringify', 'drop'] as const;
const arrayModes = ['list', 'index', 'join', 'stringify', 'drop'] as const;
const allOptions: FlattenOptions[] = objectModes.flatMap((objects) =>
  arrayModes.map((arrays) => ({ objects, arrays, joinWith: '; ' })),
);

function flatten(options: Partial<FlattenOptions>, value: JsonObject): readonly [JsonObject, readonly string[]] {
  const adjustments = new Adjustments();
  return [compileFlatten({ ...defaultFlattenOptions, ...options })(value, adjustments), adjustments.reasons()];
}

describe('flattening', () => {
  const sample: JsonObject = {
    text: 'x',
    zero: 0,
    no: false,
    blank: '',
    nothing: null,
    emptyObject: {},
    emptyList: [],
    nested: { a: { b: 1 }, list: [1, 'two', null, true] },
    objects: [{ a: 1 }, { b: [2] }],
  };
  const scalars = { text: 'x', zero: 0, no: false, blank: '' };

  it.each<[FlattenOptions['objects'], FlattenOptions['arrays'], JsonObject]>([
    ['dot', 'list', { 'nested.a.b': 1, 'nested.list': [1, 'two', true], objects: '[{"a":1},{"b":[2]}]' }],
    [
      'dot',
      'index',
      {
        'nested.a.b': 1,
        'nested.list.0': 1,
        'nested.list.1': 'two',
        'nested.list.3': true,
        'objects.0.a': 1,
        'objects.1.b.0': 2,
      },
    ],
    ['dot', 'join', { 'nested.a.b': 1, 'nested.list': '1; two; true', objects: '{"a":1}; {"b":[2]}' }],
    ['dot', 'stringify', { 'nested.a.b': 1, 'nested.list': '[1,"two",null,true]', objects: '[{"a":1},{"b":[2]}]' }],
    ['dot', 'drop', { 'nested.a.b': 1 }],
    ['bracket', 'list', { 'nested[a][b]': 1, 'nested[list]': [1, 'two', true], objects: '[{"a":1},{"b":[2]}]' }],
    [
      'bracket',
      'index',
      {
        'nested[a][b]': 1,
        'nested[list][0]': 1,
        'nested[list][1]': 'two',
        'nested[list][3]': true,
        'objects[0][a]': 1,
        'objects[1][b][0]': 2,
      },
    ],
    ['bracket', 'join', { 'nested[a][b]': 1, 'nested[list]': '1; two; true', objects: '{"a":1}; {"b":[2]}' }],
    [
      'bracket',
      'stringify',
      { 'nested[a][b]': 1, 'nested[list]': '[1,"two",null,true]', objects: '[{"a":1},{"b":[2]}]' },
    ],
    ['bracket', 'drop', { 'nested[a][b]': 1 }],
    ['stringify', 'list', { nested: '{"a":{"b":1},"list":[1,"two",null,true]}', objects: '[{"a":1},{"b":[2]}]' }],
    [
      'stringify',
      'index',
      {
        nested: '{"a":{"b":1},"list":[1,"two",null,true]}',
        'objects.0': '{"a":1}',
        'objects.1': '{"b":[2]}',
      },
    ],
    ['stringify', 'join', { nested: '{"a":{"b":1},"list":[1,"two",null,true]}', objects: '{"a":1}; {"b":[2]}' }],
    ['stringify', 'stringify', { nested: '{"a":{"b":1},"list":[1,"two",null,true]}', objects: '[{"a":1},{"b":[2]}]' }],
    ['stringify', 'drop', { nested: '{"a":{"b":1},"list":[1,"two",null,true]}' }],
    ['drop', 'list', { objects: '[{"a":1},{"b":[2]}]' }],
    ['drop', 'index', {}],
    ['drop', 'join', { objects: '{"a":1}; {"b":[2]}' }],
    ['drop', 'stringify', { objects: '[{"a":1},{"b":[2]}]' }],
    ['drop', 'drop', {}],
  ])('objects %s, arrays %s', (objects, arrays, expected) => {
    expect(flatten({ objects, arrays, joinWith: '; ' }, sample)).toEqual([{ ...scalars, ...expected }, []]);
  });

  it.each(allOptions)('under %j leaves no nested value, no null and no empty list, and is idempotent', (options) => {
    fc.assert(
      fc.property(object, (value) => {
        const [flat] = flatten(options, deepFreeze(value) as JsonObject);
        for (const member of Object.values(flat)) {
          expect(member).not.toBeNull();
          expect(isJsonObject(member)).toBe(false);
          if (isJsonArray(member)) {
            expect(options.arrays).toBe('list');
            expect(member.length).toBeGreaterThan(0);
            expect(member.every((element) => typeof element !== 'object')).toBe(true);
          }
        }
        expect(textOf(flatten(options, flat)[0])).toBe(textOf(flat));
      }),
    );
  });

  it.each(allOptions)('under %j leaves nothing of empty objects and arrays', (options) => {
    expect(flatten(options, { a: {}, b: [], c: null, d: { e: {}, f: [] } })[0]).toEqual(
      options.objects === 'stringify' ? { d: '{"e":{},"f":[]}' } : {},
    );
  });

  it.each(objectModes)('leaves nothing of empty elements either, where each has a key of its own: %s', (objects) => {
    expect(flatten({ objects, arrays: 'index' }, { a: [null, {}, []], b: [null, 1] })[0]).toEqual({
      [objects === 'bracket' ? 'b[1]' : 'b.1']: 1,
    });
  });

  it('keeps the last of two members that come to the same key, at the place of the first, and notes it', () => {
    const [flat, notes] = flatten({}, { 'a.b': 1, c: 2, a: { b: 3 } });
    expect(Object.entries(flat)).toEqual([
      ['a.b', 3],
      ['c', 2],
    ]);
    expect(notes).toEqual(['key_collision']);
  });

  it('finds every scalar at its own path', () => {
    const key = fc.constantFrom('a', 'b', '__proto__', 'constructor');
    fc.assert(
      fc.property(
        fc.array(fc.oneof(key, fc.nat(3)), { maxLength: 6 }),
        key,
        fc.oneof(fc.string(), fc.integer()),
        (path, first, value) => {
          const inner = path.reduceRight<Json>(
            (below, step) =>
              typeof step === 'number'
                ? [...Array.from({ length: step }, () => null), below]
                : Object.fromEntries([[step, below]]),
            value,
          );
          const source = Object.fromEntries([[first, inner]]);
          const dotted = [first, ...path].join('.');
          const bracketed = `${first}${path.map((step) => `[${step}]`).join('')}`;
          expect(Object.entries(flatten({ arrays: 'index' }, source)[0])).toEqual([[dotted, value]]);
          expect(Object.entries(flatten({ arrays: 'index', objects: 'bracket' }, source)[0])).toEqual([
            [bracketed, value],
          ]);
        },
      ),
    );
  });

  it('leaves out, with a note, what is nested beyond any event', () => {
    const deep = JSON.parse(`{"a":1,"b":${'{"c":'.repeat(5_000)}1${'}'.repeat(5_000)}}`) as JsonObject;
    expect(flatten({}, deep)).toEqual([{ a: 1 }, ['value_too_deep']]);
    const deepList = JSON.parse(`{"a":1,"b":${'['.repeat(100_000)}1${']'.repeat(100_000)}}`) as JsonObject;
    for (const arrays of ['list', 'stringify', 'index'] as const) {
      expect(flatten({ arrays }, deepList)).toEqual([{ a: 1 }, ['value_too_deep']]);
    }
  });

  it("takes the connection's way to flatten, but for what the conversion itself says", () => {
    const own = compileConversion(
      { flatten: { arrays: 'join' } },
      { objects: 'bracket', arrays: 'drop', joinWith: '+' },
    );
    expect(own({ a: { b: [1, 2] } }, new Adjustments())).toEqual({ 'a[b]': '1+2' });
    const theirs = compileConversion('flatten', { objects: 'bracket', arrays: 'join', joinWith: '+' });
    expect(theirs({ a: { b: [1, 2] } }, new Adjustments())).toEqual({ 'a[b]': '1+2' });
  });
});

describe("flattening as RudderStack's transformer does", () => {
  it.each<[string, string]>([
    ['{"a":{"b":{"c":1}}}', '{"a.b.c":1}'],
    ['{"a":[1,{"x":2},[3]]}', '{"a[0]":1,"a[1].x":2,"a[2][0]":3}'],
    ['{"a":[],"b":{},"c":null,"d":"","e":0,"f":false}', '{"a":[],"b":{},"c":null,"d":"","e":0,"f":false}'],
    ['{"a":[{},[],null]}', '{"a[0]":{},"a[1]":[],"a[2]":null}'],
    ['{"a.b":1,"a":{"b":2}}', '{"a.b":2}'],
    ['{"":{"x":1,"y":[1]}}', '{"x":1,"y[0]":1}'],
    ['{"":1}', '{"":1}'],
    ['{"a":{"":1}}', '{"a.":1}'],
    ['{"":{}}', '{}'],
    ['null', '{"":null}'],
    ['"s"', '{"":"s"}'],
    ['[]', '{"":[]}'],
    ['[1,{"a":2}]', '{"[0]":1,"[1].a":2}'],
    ['{}', '{}'],
    ['{"n":12345678901234567890}', '{"n":12345678901234567000}'],
    ['{"n":1e400}', '{"n":null}'],
    ['{"n":-0}', '{"n":0}'],
    ['{"t":"2024-05-01T12:00:00+05:30"}', '{"t":"2024-05-01T12:00:00+05:30"}'],
    ['{"__proto__":{"a":1}}', '{"__proto__.a":1}'],
    ['{"a":{"__proto__":1},"constructor":{"b":2}}', '{"a.__proto__":1,"constructor.b":2}'],
    ['{"__proto__":1}', '{"__proto__":1}'],
  ])('of %s', (text, expected) => {
    expect(JSON.stringify(flattenJson(JSON.parse(text) as Json))).toBe(expected);
  });

  it('of nothing is empty', () => {
    expect(flattenJson(undefined)).toEqual({});
  });

  it('puts the last of two equal keys at the place of the first', () => {
    expect(Object.keys(flattenJson({ 'a.b': 1, c: 2, a: { b: 3 } }) ?? {})).toEqual(['a.b', 'c']);
  });

  it('survives any nesting', () => {
    const deep = JSON.parse(`${'{"a":'.repeat(100_000)}1${'}'.repeat(100_000)}`) as Json;
    expect(Object.keys(flattenJson(deep) ?? {})).toHaveLength(1);
  });
});

describe('a long key with many members below it', () => {
  const value = { ['k'.repeat(500_000)]: Object.fromEntries(Array.from({ length: 1_900 }, (_, n) => [`m${n}`, n])) };

  it('is cut before it is written out for each of them', () => {
    const flat = compileFlatten(defaultFlattenOptions)(value, new Adjustments());
    expect(Object.keys(flat).reduce((sum, key) => sum + key.length, 0)).toBeLessThan(10_000_000);
  });

  it('has its event refused where RudderStack would write it out', () => {
    const fault = compileConversion('flattenJson', defaultFlattenOptions)(value, new Adjustments());
    expect(fault).toEqual(new MappingFault('properties_too_large'));
  });

  it('is written out as long as it does not come to far more than the value', () => {
    const long = { ['k'.repeat(4_000)]: Object.fromEntries(Array.from({ length: 60 }, (_, n) => [`m${n}`, n])) };
    expect(Object.keys(flattenJson(long) ?? {})).toHaveLength(60);
    const list = { items: Array.from({ length: 400_000 }, () => 7), after: 'x' };
    expect(Object.keys(flattenJson(list) ?? {})).toHaveLength(400_001);
  });
});
