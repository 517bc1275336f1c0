import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { compileTemplate } from '../../../src/core/mapping/compile-template.js';
import { compilePath, compileRichPath, parsePath } from '../../../src/core/mapping/path.js';

function keysOf(path: string): readonly string[] {
  const keys = parsePath(path);
  if (typeof keys === 'string') throw new Error(keys);
  return keys;
}

const read = (path: string, source: JsonObject): Json | undefined => compilePath(keysOf(path))(source);
const readRich = (path: string, source: JsonObject): Json | undefined => compileRichPath(keysOf(path))(source);

function fill(template: string, source: JsonObject): string | undefined {
  const compiled = compileTemplate(template);
  if (typeof compiled === 'string') throw new Error(compiled);
  return compiled(source);
}

const inheritedNames = ['constructor', '__proto__', 'toString', 'hasOwnProperty', 'valueOf', '__defineGetter__'];

describe('a path', () => {
  it.each([
    ['a', ['a']],
    ['a.b.c', ['a', 'b', 'c']],
    ['a[0].b', ['a', '0', 'b']],
    ["a['b.c'].d", ['a', 'b.c', 'd']],
    ['a["b\'c"]', ['a', "b'c"]],
    ["['a b']['']", ['a b', '']],
    ['[12]', ['12']],
    ['a-b.$c.ä', ['a-b', '$c', 'ä']],
    ["a['[0]']", ['a', '[0]']],
  ])('%s is split into its keys', (path, keys) => {
    expect(parsePath(path)).toEqual(keys);
  });

  it.each(['', '.', '.a', 'a.', 'a..b', 'a[', 'a[]', 'a[-1]', 'a[x]', "a['b]", 'a]', 'a.[0]', '[', 'a["b\']'])(
    'can not be "%s", and a sentence says so',
    (path) => {
      const fault = parsePath(path);
      expect(typeof fault).toBe('string');
      expect(fault).toMatch(/path/);
    },
  );

  it('of quoted keys finds what stands under them, whatever they are', () => {
    const key = fc.string({ unit: 'binary' }).filter((text) => !text.includes('"'));
    fc.assert(
      fc.property(fc.array(key, { minLength: 1, maxLength: 6 }), fc.jsonValue(), (keys, value) => {
        const path = keys.map((part) => `["${part}"]`).join('');
        const source = keys.reduceRight<Json>((inner, part) => Object.fromEntries([[part, inner]]), value as Json);
        expect(parsePath(path)).toEqual(keys);
        expect(read(path, source as JsonObject)).toBe(value);
      }),
    );
  });

  it.each<[string, JsonObject, Json | undefined]>([
    ['a', { a: 1 }, 1],
    ['a', { a: null }, null],
    ['a', {}, undefined],
    ['a.b', { a: { b: [1] } }, [1]],
    ['a.b', { 'a.b': 1 }, undefined],
    ['a.b', { a: null }, undefined],
    ['a.b', { a: 'text' }, undefined],
    ['a[0]', { a: 'text' }, undefined],
    ['a.length', { a: 'text' }, undefined],
    ['a[1].b', { a: [0, { b: 2 }] }, 2],
    ['a.1.b', { a: [0, { b: 2 }] }, 2],
    ['a[2]', { a: [0, 1] }, undefined],
    ['a.b.c.d.e', { a: { b: { c: { d: { e: 0 } } } } }, 0],
    ['a.b.c.d.e', { a: { b: { c: 1 } } }, undefined],
  ])('%s of %j', (path, source, expected) => {
    expect(read(path, source)).toEqual(expected);
  });

  it.each(inheritedNames)('finds %s only where the event holds it', (name) => {
    for (const path of [name, `a.${name}`, `a.b.${name}`, `${name}.${name}.${name}`, `list.${name}`]) {
      expect(read(path, { a: { b: {} }, list: [] })).toBeUndefined();
      expect(readRich(path, { a: { b: {} }, list: [{}] })).toBeUndefined();
    }
    const source = JSON.parse(`{"${name}":1,"a":{"${name}":2,"b":{"${name}":{"${name}":3}}}}`) as JsonObject;
    expect(read(name, source)).toBe(1);
    expect(read(`a.${name}`, source)).toBe(2);
    expect(read(`a.b.${name}.${name}`, source)).toBe(3);
    expect(readRich(`a.b.${name}.${name}`, source)).toBe(3);
  });
});

describe('a rich path', () => {
  it.each<[string, JsonObject, Json | undefined]>([
    ['a.b', { a: { b: 1 } }, 1],
    ['a.b', { a: [{ b: 1 }, { b: 2 }] }, [1, 2]],
    ['a.b', { a: [{ b: 1 }, { c: 2 }] }, 1],
    ['a.b', { a: [{ b: null }, { b: 2 }] }, 2],
    ['a.b', { a: [{ b: '' }, { b: 0 }, { b: false }] }, ['', 0, false]],
    ['a.b', { a: [[{ b: 1 }], [[{ b: 2 }]]] }, [1, 2]],
    ['a.b', { a: { b: [1, 2] } }, [1, 2]],
    ['a.b', { a: { b: [] } }, []],
    ['a.b', { a: [{ b: [1, 2] }] }, [1, 2]],
    ['a.b', { a: [{ b: [1] }, { b: [2] }] }, [[1], [2]]],
    ['a.b.c', { a: [{ b: [{ c: 1 }, { c: 2 }] }, { b: { c: 3 } }] }, [1, 2, 3]],
    ['a', { a: null }, undefined],
    ['a.b', { a: [] }, undefined],
    ['a.b', { a: 'text' }, undefined],
    ['a.b', {}, undefined],
  ])('%s of %j', (path, source, expected) => {
    expect(readRich(path, source)).toEqual(expected);
  });

  it('without arrays on the way reads what a plain path does, but for null', () => {
    const keys = fc.array(fc.constantFrom('a', 'b', '__proto__'), { minLength: 1, maxLength: 4 });
    const { tree } = fc.letrec<{ tree: Json }>((tie) => ({
      tree: fc.oneof(
        { depthSize: 'medium' },
        fc.constantFrom<Json>(1, '', null, false),
        fc
          .array(fc.tuple(fc.constantFrom('a', 'b', '__proto__'), tie('tree')))
          .map((entries) => Object.fromEntries(entries)),
      ),
    }));
    fc.assert(
      fc.property(keys, tree, (path, value) => {
        const source = { a: value, b: { a: value } };
        expect(compileRichPath(path)(source)).toEqual(compilePath(path)(source) ?? undefined);
      }),
    );
  });
});

describe('a template', () => {
  it.each<[string, JsonObject, string | undefined]>([
    ['Viewed {{ name }} page', { name: 'Home' }, 'Viewed Home page'],
    ['{{name}}', { name: 'Home' }, 'Home'],
    ['{{ a }}{{ b }}', { a: 1, b: true }, '1true'],
    ['{{ a.b[0] }}', { a: { b: ['x'] } }, 'x'],
    ["{{ a['b.c'] }}", { a: { 'b.c': 0 } }, '0'],
    ['{{ a }}', { a: { b: [1] } }, '{"b":[1]}'],
    ['{{ a }}', { a: [] }, '[]'],
    ['{{ a || Site }}: {{ b }}', { b: 'x' }, 'Site: x'],
    ['{{ a || Site }}', { a: '' }, 'Site'],
    ['{{ a || Site }}', { a: null }, 'Site'],
    ['{{ a || Site }}', { a: false }, 'false'],
    ['{{ a || Site }}', { a: 0 }, '0'],
    ['{{ a || }}!', {}, '!'],
    ['{{ a || b || c }}', {}, 'b || c'],
    ['{{ a }}', {}, undefined],
    ['{{ a }} and {{ b }}', { a: 'x' }, undefined],
    ['{{ a }}', { a: '' }, undefined],
    ['{{ a }}', { a: null }, undefined],
    ['{{ a }}', { a: '{{ b }}', b: 'x' }, '{{ b }}'],
    ['$& {{ a }} $1', { a: '$&' }, '$& $& $1'],
    ['{{ a || none }}', { a: JSON.parse('1e400') as Json }, 'none'],
    ['{{ constructor || own }} {{ a.__proto__ || only }}', { a: {} }, 'own only'],
  ])('%s of %j', (template, source, expected) => {
    expect(fill(template, source)).toBe(expected);
  });

  it.each([
    ['no places', 'has no {{ path }}'],
    ['', 'has no {{ path }}'],
    ['{{ }}', 'the path is empty'],
    ['{{ || x }}', 'the path is empty'],
    ['{{ .a }}', 'starts with a dot'],
    ['{{ a }} {{ b[ }}', "can't be read"],
  ])('can not be "%s", and a sentence says so', (template, fault) => {
    const compiled = compileTemplate(template);
    expect(typeof compiled).toBe('string');
    expect(compiled).toContain(fault);
  });
});
