import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import { countMembers, findDuplicateKeys } from '../../../src/core/json/duplicate-keys.js';
import { inspectJson } from '../../../src/core/json/inspect.js';
import {
  isEmptyJson,
  isJsonArray,
  isJsonObject,
  setOwn,
  type Json,
  type MutableJsonObject,
} from '../../../src/core/json/json.js';
import { isLongerThan } from '../../../src/core/json/json-size.js';

const noLimits = { maxKeys: Infinity, maxDepth: Infinity };

/** Text that a careless scanner trips over. */
const trickyText = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.string({ unit: fc.constantFrom('"', '\\', ':', ',', '{', '}', '[', ']', ' ', '\n', 'u0061', '\ud83d', 'a') }),
  fc.constantFrom('__proto__', 'constructor', 'hasOwnProperty', ''),
);

/** Any JSON value, built as JSON.parse builds it: `__proto__` is a member like any other. */
const { json } = fc.letrec<{ json: Json }>((tie) => ({
  json: fc.oneof(
    { depthSize: 'small', withCrossShrink: true },
    fc.oneof(trickyText, fc.double({ noNaN: true, noDefaultInfinity: true }), fc.boolean(), fc.constant(null)),
    fc.array(tie('json'), { maxLength: 5 }),
    fc.array(fc.tuple(trickyText, tie('json')), { maxLength: 5 }).map((entries) => Object.fromEntries(entries)),
  ),
}));

/** The plainest possible count, to compare with. */
function countKeys(value: Json): number {
  if (isJsonArray(value)) return value.reduce<number>((sum, element) => sum + countKeys(element), 0);
  if (!isJsonObject(value)) return 0;
  return Object.values(value).reduce<number>((sum, member) => sum + 1 + countKeys(member), 0);
}

function depthOf(value: Json): number {
  if (typeof value !== 'object' || value === null) return 0;
  return 1 + Math.max(0, ...Object.values(value).map((member) => depthOf(member)));
}

function nested(depth: number, open: string, close: string): string {
  return `${open.repeat(depth)}1${close.repeat(depth)}`;
}

/** Spells some characters of a JSON string as escapes, so that its text differs and its value does not. */
function respell(text: string, seed: number): string {
  const units = text.split('').map((unit, index) => {
    const code = unit.charCodeAt(0);
    return (index + seed) % 2 === 0 ? `\\u${code.toString(16).padStart(4, '0')}` : JSON.stringify(unit).slice(1, -1);
  });
  return `"${units.join('')}"`;
}

describe('counting members in JSON text', () => {
  it('finds as many as the value has keys, however the value is spelled', () => {
    fc.assert(
      fc.property(json, fc.constantFrom(undefined, 1, '\t', ' \n '), (value, space) => {
        expect(countMembers(JSON.stringify(value, undefined, space))).toBe(countKeys(value));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    ['{"a":1,"a":2}', 2],
    [String.raw`{"\":":"\":","\\":"\\"}`, 2],
    ['"a:b"', 0],
    [String.raw`{"\\\"":{"\\\\":":"}}`, 2],
    ['[":",{":":":"}]', 1],
    ['{ "a" : 1 }', 1],
    ['1', 0],
  ])('of %s', (text, members) => {
    expect(countMembers(text)).toBe(members);
  });
});

describe('finding duplicate keys', () => {
  it('finds none in text that JSON.stringify wrote', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(findDuplicateKeys(JSON.stringify(value))).toEqual([]);
      }),
      { numRuns: 500 },
    );
  });

  it('finds a key that was written twice, at its path, even where it is spelled with escapes', () => {
    const step = fc.oneof(trickyText, fc.nat(4));
    fc.assert(
      fc.property(fc.array(step, { maxLength: 6 }), trickyText, json, fc.nat(1), (path, key, value, seed) => {
        const twice = `{${JSON.stringify(key)}:${JSON.stringify(value)},"other key": 0 , ${respell(key, seed)} :\n2}`;
        fc.pre(key !== 'other key');
        const text = path.reduceRight<string>(
          (inner, at) =>
            typeof at === 'number' ? `[${'0,'.repeat(at)}${inner},{"z":[]}]` : `{${JSON.stringify(at)}:${inner}}`,
          twice,
        );
        JSON.parse(text);
        expect(findDuplicateKeys(text)).toEqual([[...path, key]]);
        expect(countMembers(text)).toBe(countKeys(JSON.parse(text) as Json) + 1 + countKeys(value));
      }),
      { numRuns: 500 },
    );
  });

  it.each([
    [String.raw`{"a":1,"\u0061":2}`, [['a']]],
    ['{"a":{"a":1},"b":{"a":1}}', []],
    ['[{"a":1},{"a":1}]', []],
    ['[{"a":1},{"a":1,"a":2}]', [[1, 'a']]],
    ['{"x":[[],[0,{"k":1,"k":2}]]}', [['x', 1, 1, 'k']]],
    ['{"a":"a","b":"a","c":["a","a"]}', []],
    ['{"":1,"":2}', [['']]],
    ['{"__proto__":1,"__proto__":2}', [['__proto__']]],
    [String.raw`{"\"":1,"\u0022":2,"\\":3,"\\\\":4}`, [['"']]],
    ['{"a":1,\r\n\t"a" \n : 2}', [['a']]],
    ['{"a":{"x":1,"x":2},"b":3,"a":4}', [['a', 'x'], ['a']]],
  ])('of %s', (text, expected) => {
    expect(findDuplicateKeys(text)).toEqual(expected);
  });

  it('reads nesting that no recursion could', () => {
    const depth = 200_000;
    expect(findDuplicateKeys(nested(depth, '[', ']'))).toEqual([]);
    expect(findDuplicateKeys(nested(depth, '{"a":', '}'))).toEqual([]);
  });

  it('answers with no more than a fair share of the text, however deep the duplicates are', () => {
    const text = `${'{"a":'.repeat(2_000)}{"b":1${',"b":1'.repeat(2_000)}}${'}'.repeat(2_000)}`;
    const steps = findDuplicateKeys(text).reduce((sum, path) => sum + path.length, 0);
    expect(steps).toBeGreaterThan(0);
    expect(steps).toBeLessThan(20 * text.length);
  });

  it('reads a megabyte of escapes', () => {
    const text = JSON.stringify({ [':"'.repeat(3)]: 1, value: '\\"'.repeat(250_000), ['\\'.repeat(100_000)]: ':"' });
    expect(findDuplicateKeys(text)).toEqual([]);
    expect(countMembers(text)).toBe(3);
  });
});

describe('inspecting a value', () => {
  it('counts keys and levels of any value', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(inspectJson(value, noLimits)).toEqual({ keys: countKeys(value), depth: depthOf(value) });
      }),
    );
  });

  it.each<[Json, number, number]>([
    [null, 0, 0],
    ['text', 0, 0],
    [{}, 0, 1],
    [[], 0, 1],
    [{ a: {} }, 1, 2],
    [[[1], { a: [null] }], 1, 3],
    [JSON.parse('{"__proto__":{"a":1},"constructor":null}') as Json, 3, 2],
  ])('of %j: %i keys, %i levels', (value, keys, depth) => {
    expect(inspectJson(value, noLimits)).toEqual({ keys, depth });
  });

  it('tells what is over a limit from what is not', () => {
    fc.assert(
      fc.property(json, fc.nat(8), fc.nat(4), (value, maxKeys, maxDepth) => {
        const shape = inspectJson(value, { maxKeys, maxDepth });
        const isWithin = countKeys(value) <= maxKeys && depthOf(value) <= maxDepth;
        expect(shape.keys <= maxKeys && shape.depth <= maxDepth).toBe(isWithin);
      }),
    );
  });

  it('goes no deeper than the limit', () => {
    const deep = JSON.parse(nested(100_000, '[', ']')) as Json;
    expect(inspectJson(deep, { maxKeys: 10, maxDepth: 64 }).depth).toBe(65);
  });

  it('stops counting as soon as the limit on keys is passed', () => {
    const wide = Object.fromEntries(Array.from({ length: 10_000 }, (_, index) => [`k${index}`, index]));
    expect(inspectJson(wide, { maxKeys: 100, maxDepth: 64 }).keys).toBe(101);
    const siblings = Array.from({ length: 100 }, () => wide);
    expect(inspectJson(siblings, { maxKeys: 100, maxDepth: 64 }).keys).toBe(101);
  });
});

describe('estimating the length of JSON text', () => {
  it('never takes a value for longer than its text is', () => {
    fc.assert(
      fc.property(json, (value) => {
        expect(isLongerThan(value, JSON.stringify(value).length)).toBe(false);
      }),
    );
  });

  it.each<[string, Json]>([
    ['digits', Array.from({ length: 1_000 }, () => 1)],
    ['empty texts', Array.from({ length: 1_000 }, () => '')],
    ['one short member', { a: 1 }],
    ['a digit', 1],
  ])('does not take %s for longer than they are', (_name, value) => {
    expect(isLongerThan(value, JSON.stringify(value).length)).toBe(false);
  });

  it.each<[string, Json]>([
    ['a long text', 'x'.repeat(1_001)],
    ['long keys', { ['k'.repeat(600)]: 1, ['l'.repeat(600)]: 2 }],
    ['many texts', Array.from({ length: 400 }, () => 'text')],
    ['a text far inside', { a: [{ b: { c: ['x'.repeat(1_000)] } }] }],
  ])('sees that %s is longer than a limit', (_name, value) => {
    expect(isLongerThan(value, 1_000)).toBe(true);
  });

  it('goes no deeper than it was told', () => {
    const deep = JSON.parse(nested(100_000, '[', ']')) as Json;
    expect(isLongerThan(deep, 1_000_000)).toBe(false);
  });
});

describe('setting an own member', () => {
  it('keeps every name as data and every prototype as it was', () => {
    fc.assert(
      fc.property(fc.array(fc.tuple(trickyText, json)), (entries) => {
        const object: MutableJsonObject = {};
        for (const [key, value] of entries) setOwn(object, key, value);
        expect(Object.getPrototypeOf(object)).toBe(Object.prototype);
        const last = new Map(entries);
        expect(new Map(Object.entries(object))).toEqual(last);
        expect(countKeys(JSON.parse(JSON.stringify(object)) as Json)).toBe(countKeys(object));
      }),
    );
  });

  it('sets __proto__ again, as an ordinary assignment would any other key', () => {
    const object: MutableJsonObject = {};
    setOwn(object, '__proto__', { polluted: true });
    setOwn(object, '__proto__', 2);
    expect(JSON.stringify(object)).toBe('{"__proto__":2}');
    expect(Object.hasOwn(Object.prototype, 'polluted')).toBe(false);
  });
});

describe('an empty value', () => {
  it.each<[Json, boolean]>([
    ['', true],
    [[], true],
    [{}, true],
    [null, false],
    [0, false],
    [false, false],
    [' ', false],
    [[null], false],
    [JSON.parse('{"__proto__":1}') as Json, false],
  ])('%j: %s', (value, expected) => {
    expect(isEmptyJson(value)).toBe(expected);
  });
});
