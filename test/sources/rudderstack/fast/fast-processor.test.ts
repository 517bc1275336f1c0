import { isDeepStrictEqual } from 'node:util';

import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { ByteWriter } from '../../../../src/core/json/byte-writer.js';
import type { Json } from '../../../../src/core/json/json.js';
import { heapRequestRules } from '../../../../src/destinations/heap/request-rules.js';
import { compileRudderStackConfig } from '../../../../src/destinations/heap/rudderstack-config.js';
import { Destinations } from '../../../../src/sources/rudderstack/destination.js';
import { processFast } from '../../../../src/sources/rudderstack/fast/fast-processor.js';
import { DestinationMemory } from '../../../../src/sources/rudderstack/fast/known-destinations.js';
import { Tally } from '../../../../src/sources/rudderstack/tally.js';
import { Transforms } from '../../../../src/sources/rudderstack/transforms.js';
import { anyText, hardlyText, mutateBytes, objectText, oneOfTexts } from '../../../support/json-text.js';

const baseUrls = { us: 'https://heapanalytics.com', eu: 'https://c.eu.heap-api.com' };

function newDestinations(): Destinations {
  return new Destinations(
    (config) => compileRudderStackConfig(config, baseUrls),
    () => undefined,
  );
}

interface Counts {
  readonly input: number;
  readonly output: number;
  readonly types: readonly unknown[];
  readonly kinds: readonly unknown[];
  readonly outcomes: readonly unknown[];
  readonly groups: readonly unknown[];
}

function countsOf(tally: Tally): Counts {
  const sorted = (entries: Iterable<unknown>): readonly unknown[] =>
    [...entries].map((entry) => JSON.stringify(entry)).sort();
  return {
    input: tally.input,
    output: tally.output,
    types: sorted(tally.types),
    kinds: sorted(tally.kinds),
    outcomes: sorted(tally.outcomes),
    groups: sorted(tally.groups),
  };
}

/** Answers a body, and tells what was counted. */
function answerer(isFast: boolean): (body: Buffer) => { readonly answer: Json; readonly counts: Counts | undefined } {
  let counts: Counts | undefined;
  const transforms = new Transforms({
    destType: 'heap',
    destinations: newDestinations(),
    rules: heapRequestRules,
    limits: { maxItems: 1_000, maxBytes: 4_000_000 },
    isFast,
    onFault: (error) => {
      throw error;
    },
    onTransformed: (tally) => {
      counts = countsOf(tally);
    },
  });
  return (body) => {
    counts = undefined;
    const answer = transforms.processor(body);
    return { answer: answer.ok ? (JSON.parse(answer.body.toString('utf8')) as Json) : answer.message, counts };
  };
}

const fast = answerer(true);
const plain = answerer(false);

/** Does the fast reading take the body at all? */
function isTaken(body: Buffer): boolean {
  const state = { writer: new ByteWriter(), memory: new DestinationMemory() };
  const environment = { rules: heapRequestRules, onFault: () => undefined };
  return processFast(body, newDestinations(), environment, new Tally('processor', 'heap'), state) !== undefined;
}

const id = fc.oneof(
  { weight: 6, arbitrary: oneOfTexts('"u-1"', '"é-1"', '"a\\u0041"', '""', 'null') },
  { weight: 1, arbitrary: hardlyText },
);
const flat = objectText({
  plan: anyText,
  price: oneOfTexts('1', '1.50', '-0.12', '1e3', '"9"'),
  'a.b': anyText,
  '': anyText,
  idempotencyKey: oneOfTexts('"k"', '""', '0', '{"a":1}'),
  __proto__: anyText,
  id: id,
  userId: id,
});
const scalars = objectText({
  plan: oneOfTexts('"pro"', '"日本"', '1', 'true', 'null'),
  price: oneOfTexts('1', '1.50', '-0.12', '-0', '1e3', '12345678901234567890'),
});
const nested = objectText({
  a: flat,
  b: fc.array(anyText, { maxLength: 3 }).map((texts) => `[${texts.join(',')}]`),
  c: anyText,
});
const part = fc.oneof(
  { weight: 5, arbitrary: scalars },
  { weight: 3, arbitrary: flat },
  { weight: 3, arbitrary: nested },
  { weight: 1, arbitrary: hardlyText },
);
const time = fc.oneof(
  { weight: 5, arbitrary: oneOfTexts('"2026-03-01T08:00:00.000Z"', '""', 'null') },
  { weight: 1, arbitrary: anyText },
);
const message = objectText({
  type: fc.oneof(
    { weight: 8, arbitrary: oneOfTexts('"track"', '"track"', '"identify"', '"TRACK"', '"page"', '"\\u0074rack"') },
    { weight: 1, arbitrary: anyText },
  ),
  event: fc.oneof(
    { weight: 6, arbitrary: oneOfTexts('"Order Placed"', '"Bestellung ü"') },
    { weight: 1, arbitrary: anyText },
  ),
  userId: id,
  anonymousId: id,
  properties: part,
  traits: fc.oneof({ weight: 2, arbitrary: part }, { weight: 1, arbitrary: oneOfTexts('null', '{}') }),
  timestamp: time,
  originalTimestamp: time,
  channel: oneOfTexts('"web"', '"mobile"', '"server"', '"sources"', '"s\\u006furces"', 'null'),
  integrations: oneOfTexts('{"All":true}', '{}', 'null'),
  messageId: oneOfTexts('"m-1"', '1'),
  context: fc.oneof(
    {
      weight: 6,
      arbitrary: objectText({
        traits: fc.oneof(
          { weight: 4, arbitrary: part },
          { weight: 2, arbitrary: oneOfTexts('{}', 'null', '{"id":"t-1"}', '[{"userId":"x"}]') },
        ),
        page: anyText,
        mappedToDestination: oneOfTexts('true', 'false'),
        timestamp: time,
      }),
    },
    { weight: 1, arbitrary: hardlyText },
  ),
  request_ip: hardlyText,
});
/** The members that SDKs send, with nothing left out: what the fast reading is made for. */
const usual = fc
  .tuple(
    scalars,
    oneOfTexts('"u-1"', '""', '"日"'),
    fc.oneof(scalars, nested, fc.constant('{}')),
    oneOfTexts('track', 'identify'),
  )
  .map(
    ([properties, userId, traits, type]) =>
      `{"anonymousId":"a-1","channel":"web","context":{"ip":"203.0.113.1","traits":${traits}},"event":"Seen","integrations":{"All":true},` +
      `"messageId":"m","originalTimestamp":"2026-03-01T08:00:00Z","properties":${properties},"timestamp":"2026-03-01T08:00:01Z","type":"${type}","userId":${userId}}`,
  );
const metadata = objectText({
  jobId: oneOfTexts('1', '9007199254740993'),
  destinationId: fc.oneof(
    { weight: 6, arbitrary: oneOfTexts('"d-1"', '"d-2"') },
    { weight: 1, arbitrary: oneOfTexts('"d-3"', '"d\\u002d1"', '7') },
  ),
  workspaceId: oneOfTexts('"w"', '"w"', 'null'),
  sourceType: oneOfTexts('"Javascript"'),
  recordId: anyText,
});
const config = oneOfTexts(
  '{"appId":"9000000101"}',
  '{"appId":"9000000101","dataResidency":"eu"}',
  '{"appId":9000000101}',
  '{}',
  'null',
  '{"appId":"9000000101","anonymousIdentity":"hash"}',
  '{"appId":"9000000101","idempotency":"messageId","nestedMode":"dot"}',
  '{"appId":"9000000101","preset":"heap"}',
  '{"appId":"9000000101","eventTypes":"page"}',
  '{"appId":"{{ event.properties.plan || 9000000102 }}"}',
);
const destination = fc
  .tuple(config, oneOfTexts('false', 'true', 'null'))
  .map(([text, dynamic]) => `{"ID":"d-1","Config":${text},"hasDynamicConfig":${dynamic}}`);
const anyMessage = fc.oneof(
  { weight: 2, arbitrary: usual },
  { weight: 3, arbitrary: message },
  { weight: 1, arbitrary: hardlyText },
);
const plainBody = fc
  .tuple(fc.array(fc.tuple(anyMessage, metadata, fc.boolean()), { maxLength: 4 }), destination, destination)
  .map(
    ([events, first, second]) =>
      `[${events.map(([text, meta, isFirst]) => `{"message":${text},"metadata":${meta},"destination":${isFirst ? first : second},"libraries":null}`).join(',')}]`,
  );
const compactedBody = fc
  .tuple(fc.array(fc.tuple(anyMessage, metadata), { maxLength: 4 }), destination, destination, hardlyText)
  .map(
    ([events, first, second, connections]) =>
      `{"input":[${events.map(([text, meta]) => `{"message":${text},"metadata":${meta}}`).join(' ,')}],"destinations":{"d-1":${first},"d-2":${second}},"connections":${connections}}`,
  );
const body = fc.oneof(plainBody, compactedBody);
const usualMetadata = fc
  .tuple(
    oneOfTexts('"d-1"', '"d-2"'),
    oneOfTexts('"w"', '"w-2"'),
    fc.nat(),
    oneOfTexts('"r"', '"日"', '"a\\u002fb"', '1.50'),
  )
  .map(
    ([destinationId, workspaceId, jobId, recordId]) =>
      `{"jobId":${jobId},"workspaceId":${workspaceId},"recordId":${recordId},"destinationId":${destinationId}}`,
  );
const usualBody = fc
  .tuple(fc.array(fc.tuple(usual, usualMetadata), { minLength: 1, maxLength: 4 }), config)
  .map(
    ([events, text]) =>
      `{"input":[${events.map(([each, meta]) => `{"message":${each},"metadata":${meta}}`).join(',')}],"destinations":{"d-1":{"Config":${text}},"d-2":{"Config":${text}}}}`,
  );

function expectSame(bytes: Buffer): void {
  const expected = plain(bytes);
  const actual = fast(bytes);
  if (isDeepStrictEqual(actual, expected)) return;
  expect({ body: bytes.toString('latin1'), ...actual }).toEqual({ body: bytes.toString('latin1'), ...expected });
  throw new Error(`the answers differ in a way that toEqual does not see: ${bytes.toString('latin1')}`);
}

const runs = { numRuns: 3_000 };

describe('the answer made from the bytes of a request', () => {
  it('is the one that the plain reading gives, for requests of any shape', () => {
    fc.assert(
      fc.property(body, (text) => {
        expectSame(Buffer.from(text));
      }),
      runs,
    );
  });

  it('is the one that the plain reading gives, for requests as rudder-server sends them', () => {
    fc.assert(
      fc.property(usualBody, (text) => {
        expectSame(Buffer.from(text));
      }),
      runs,
    );
  });

  it('is the one that the plain reading gives, whatever happens to single bytes', () => {
    const change = fc.tuple(
      fc.nat(),
      fc.integer({ min: 0, max: 3 }),
      fc.oneof(fc.integer({ min: 0, max: 255 }), fc.constantFrom(0x22, 0x5c, 0x2c, 0x7d, 0x5d, 0x30, 0x2d)),
    );
    fc.assert(
      fc.property(fc.oneof(body, usualBody), fc.array(change, { minLength: 1, maxLength: 3 }), (text, changes) => {
        expectSame(mutateBytes(Buffer.from(text), changes));
      }),
      runs,
    );
  });

  it('is taken for a good share of these requests, so that the comparison says something', () => {
    const share = (texts: readonly string[]): number =>
      texts.filter((text) => isTaken(Buffer.from(text))).length / texts.length;
    expect(share(fc.sample(usualBody, 300))).toBeGreaterThan(0.2);
    expect(share(fc.sample(body, 300))).toBeGreaterThan(0.02);
  });
});
