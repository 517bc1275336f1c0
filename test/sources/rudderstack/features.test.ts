import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { mergeFeatures, ownFeatures } from '../../../src/sources/rudderstack/features.js';

const upstream = {
  routerTransform: { AM: true, KLAVIYO: true },
  regulations: ['BRAZE', 'AM'],
  supportSourceTransformV1: true,
  supportTransformerProxyV1: true,
  upgradedToSourceTransformV2: true,
  supportDestTransformCompactedPayloadV1: true,
};

describe('the features of this transformer alone', () => {
  it('name Heap and every protocol it speaks', () => {
    expect(ownFeatures).toEqual({
      routerTransform: { HEAP: true },
      regulations: ['HEAP'],
      supportSourceTransformV1: true,
      supportTransformerProxyV1: true,
      upgradedToSourceTransformV2: true,
      supportDestTransformCompactedPayloadV1: true,
    });
  });
});

describe('the features of an upstream and this transformer', () => {
  it('are those of the upstream, with Heap', () => {
    expect(mergeFeatures(upstream)).toEqual({
      ...upstream,
      routerTransform: { AM: true, KLAVIYO: true, HEAP: true },
      regulations: ['BRAZE', 'AM', 'HEAP'],
    });
  });

  it('keep what nobody here knows', () => {
    const unknown = JSON.parse('{"newThing":{"a":[1]},"__proto__":{"polluted":true}}') as JsonObject;
    const merged = mergeFeatures({ ...upstream, ...unknown });
    expect(merged.newThing).toEqual({ a: [1] });
    expect(Object.getOwnPropertyDescriptor(merged, '__proto__')?.value).toEqual({ polluted: true });
    expect(Object.getPrototypeOf(merged)).toBe(Object.prototype);
  });

  it('name Heap once, where it already stands', () => {
    expect(mergeFeatures({ ...upstream, regulations: ['HEAP', 'AM'] }).regulations).toEqual(['HEAP', 'AM']);
  });

  it('have the router transform of Heap whatever the upstream says of it', () => {
    expect(mergeFeatures({ ...upstream, routerTransform: { AM: true, HEAP: false } }).routerTransform).toEqual({
      AM: true,
      HEAP: true,
    });
  });

  it.each(['supportTransformerProxyV1', 'supportDestTransformCompactedPayloadV1'] as const)(
    'do not claim %s for an upstream that has it not',
    (flag) => {
      expect(mergeFeatures({ ...upstream, [flag]: false })[flag]).toBe(false);
      const { [flag]: _absent, ...without } = upstream;
      expect(mergeFeatures(without)).not.toHaveProperty(flag);
      expect(mergeFeatures({ ...upstream, [flag]: 'yes' })).not.toHaveProperty(flag);
    },
  );

  it.each([
    [true, false],
    [false, true],
    [true, true],
  ])('leave the source flags %s and %s as they are', (v1, v2) => {
    const flags = { supportSourceTransformV1: v1, upgradedToSourceTransformV2: v2 };
    expect(mergeFeatures({ ...upstream, ...flags })).toMatchObject(flags);
  });

  it.each([
    ['false', { supportSourceTransformV1: false, upgradedToSourceTransformV2: false }],
    ['no truth value', { supportSourceTransformV1: 'true', upgradedToSourceTransformV2: 1 }],
    ['absent', {}],
  ])('claim both source flags where both are %s, or rudder-server would panic', (_what, flags) => {
    const { supportSourceTransformV1: _v1, upgradedToSourceTransformV2: _v2, ...without } = upstream;
    expect(mergeFeatures({ ...without, ...flags })).toMatchObject({
      supportSourceTransformV1: true,
      upgradedToSourceTransformV2: true,
    });
  });

  it.each([null, 7, 'text', true, [upstream], {}])(
    'are little more than Heap beside an upstream that says %j',
    (odd) => {
      expect(mergeFeatures(odd)).toEqual({
        routerTransform: { HEAP: true },
        regulations: ['HEAP'],
        supportSourceTransformV1: true,
        upgradedToSourceTransformV2: true,
      });
    },
  );

  it.each([null, 7, 'text', ['AM'], true])('take the odd parts %j for absent', (odd) => {
    const merged = mergeFeatures({ ...upstream, routerTransform: odd });
    expect(merged).toEqual({ ...upstream, routerTransform: { HEAP: true }, regulations: ['BRAZE', 'AM', 'HEAP'] });
  });

  it.each([null, 7, 'text', { AM: true }])('take regulations that are %j for absent', (odd) => {
    expect(mergeFeatures({ ...upstream, regulations: odd }).regulations).toEqual(['HEAP']);
  });

  it('never throw, never lose what the upstream has, and merge no further a second time', () => {
    const flag = fc.oneof(fc.boolean(), fc.jsonValue());
    const shaped = fc.record(
      {
        routerTransform: fc.oneof(fc.dictionary(fc.string(), fc.boolean()), fc.jsonValue()),
        regulations: fc.oneof(fc.array(fc.constantFrom('AM', 'HEAP', 'heap')), fc.jsonValue()),
        supportSourceTransformV1: flag,
        supportTransformerProxyV1: flag,
        upgradedToSourceTransformV2: flag,
        supportDestTransformCompactedPayloadV1: flag,
        other: fc.jsonValue(),
      },
      { requiredKeys: [] },
    );
    fc.assert(
      fc.property(fc.oneof(shaped, fc.jsonValue()), (value) => {
        const given = JSON.parse(JSON.stringify(value)) as Json;
        const before = JSON.stringify(given);
        const merged = mergeFeatures(given);
        expect(JSON.stringify(given)).toBe(before);
        expect(merged.supportSourceTransformV1 === true || merged.upgradedToSourceTransformV2 === true).toBe(true);
        expect(merged.routerTransform).toMatchObject({ HEAP: true });
        expect(merged.regulations).toContain('HEAP');
        if (typeof given === 'object' && given !== null && 'other' in given) expect(merged.other).toEqual(given.other);
        expect(mergeFeatures(merged)).toEqual(merged);
      }),
    );
  });
});
