import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Json, JsonObject } from '../../../src/core/json/json.js';
import {
  hasTemplates,
  resolveDynamicConfig,
  type DynamicEvent,
} from '../../../src/sources/rudderstack/dynamic-config.js';
import { entriesOf, itAnswersTheCases } from '../../support/processor-contract.js';
import { canonicalText, newTransforms } from '../../support/rudderstack.js';

describe('dynamic configuration', () => {
  itAnswersTheCases('dynamic-config', newTransforms().processor);
});

describe('dynamic configuration, every body parsed as a whole', () => {
  itAnswersTheCases('dynamic-config', newTransforms({ isFast: false }).processor);
});

describe('a template', () => {
  it.each([999, 1_100, 2_500])(
    'is never sent as it stands, were the metadata of its event %i levels deep',
    (levels) => {
      const deep = `${'['.repeat(levels)}${']'.repeat(levels)}`;
      const destination = '{"Config":{"appId":"{{ event.properties.app || 7 }}"}}';
      const message = '{"type":"track","userId":"ann","event":"E","properties":{"app":"x"}}';
      const body = `[{"message":${message},"metadata":{"jobId":1,"secret":${deep}},"destination":${destination}}]`;
      const [entry] = entriesOf(newTransforms().processor(Buffer.from(body)));
      expect(JSON.stringify((entry as JsonObject).output ?? null)).not.toContain('{{');
    },
  );
});

const member = fc.constantFrom('a', 'b', 'c.d', 'a.b', '__proto__');
const value: fc.Arbitrary<Json> = fc.letrec<{ value: Json }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom<Json>(null, '', 'text', 0, false),
    fc.array(tie('value'), { maxLength: 2 }),
    fc.array(fc.tuple(member, tie('value')), { maxLength: 3 }).map((entries) => Object.fromEntries(entries)),
  ),
})).value;
const template = fc
  .tuple(
    fc.constantFrom('event', 'message', 'metadata', 'destination.a', 'nothing'),
    fc.array(fc.constantFrom('a', 'b', 'c', 'd'), { maxLength: 3 }),
  )
  .map(([root, keys]) => `{{ ${[root, ...keys].join('.')} || "default" }}`);
const config = fc.dictionary(
  fc.constantFrom('a', 'b', 'c'),
  fc.oneof(template, fc.array(template, { maxLength: 2 }), value),
);
const event: fc.Arbitrary<DynamicEvent> = fc
  .tuple(value, value, config, value)
  .map(([message, metadata, Config, a]) => ({ message, metadata, destination: { Config, a } }));

function deepFreeze<T>(frozen: T): T {
  if (typeof frozen === 'object' && frozen !== null) Object.values(Object.freeze(frozen)).forEach(deepFreeze);
  return frozen;
}

function membersOf(json: Json | undefined): number {
  if (typeof json !== 'object' || json === null) return 0;
  return Object.values(json as JsonObject).reduce(
    (sum: number, inner) => sum + membersOf(inner),
    Object.keys(json).length,
  );
}

describe('evaluating the templates of any event', () => {
  it('changes nothing of what it was handed', () => {
    fc.assert(
      fc.property(event, (given) => {
        const before = JSON.stringify(given);
        resolveDynamicConfig(deepFreeze(given));
        expect(JSON.stringify(given)).toBe(before);
      }),
    );
  });

  it('adds nothing to it, and takes nothing out of it where there is no template', () => {
    fc.assert(
      fc.property(event, (given) => {
        const resolved = resolveDynamicConfig(given);
        for (const part of ['message', 'metadata'] as const) {
          expect(membersOf(resolved[part])).toBeLessThanOrEqual(membersOf(given[part]));
          if (!hasTemplates(given.destination)) expect(canonicalText(resolved[part])).toBe(canonicalText(given[part]));
        }
      }),
    );
  });

  it('leaves no template behind', () => {
    fc.assert(
      fc.property(event, (given) => {
        const { destination } = resolveDynamicConfig(given);
        const { Config } = destination as JsonObject;
        expect(hasTemplates(Config)).toBe(false);
      }),
    );
  });
});
