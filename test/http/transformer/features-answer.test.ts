import { describe, expect, it } from '@jest/globals';

import { createFeaturesAnswer, type FeaturesAnswer } from '../../../src/http/transformer/features-answer.js';
import type { UpstreamFeatures } from '../../../src/http/transformer/upstream-features.js';
import { mergeFeatures, ownFeatures } from '../../../src/sources/rudderstack/features.js';

const theirs = { routerTransform: { AM: true }, regulations: ['AM'], supportSourceTransformV1: true };
const known: UpstreamFeatures = { type: 'known', value: theirs };
const down: UpstreamFeatures = { type: 'unreachable', detail: 'connect ECONNREFUSED' };
const missing: UpstreamFeatures = { type: 'status', status: 404, body: 'Not Found' };
const failing: UpstreamFeatures = { type: 'status', status: 502, body: '<html>' };
const strange: UpstreamFeatures = { type: 'known', value: ['AM'] };

const merged = { status: 200, text: JSON.stringify(mergeFeatures(theirs)), contentType: 'text/plain; charset=utf-8' };

/** What is answered when the upstream says one thing after the other. */
async function answers(...says: readonly UpstreamFeatures[]): Promise<readonly FeaturesAnswer[]> {
  const left = [...says];
  const answer = createFeaturesAnswer({ features: () => Promise.resolve(left.shift() ?? down) });
  const given: FeaturesAnswer[] = [];
  for (const _ of says) given.push(await answer());
  return given;
}

describe('the answer to GET /features', () => {
  it('is the own features without an upstream, as plain text', async () => {
    const answer = await createFeaturesAnswer(undefined)();
    expect(answer).toEqual({
      status: 200,
      text: JSON.stringify(ownFeatures),
      contentType: 'text/plain; charset=utf-8',
    });
  });

  it('is the features of both with an upstream', async () => {
    expect(await answers(known)).toEqual([merged]);
    expect(JSON.parse(merged.text)).toMatchObject({ routerTransform: { AM: true, HEAP: true } });
  });

  it.each([
    ['unreachable', down, 'connect ECONNREFUSED'],
    ['failing', failing, 'status 502'],
    ['no JSON object', strange, 'features that are no JSON object'],
  ])('is the last good one while the upstream is %s', async (_what, bad, upstreamFault) => {
    const newer: UpstreamFeatures = { type: 'known', value: { ...theirs, regulations: ['AM', 'BRAZE'] } };
    const again = { ...merged, text: JSON.stringify(mergeFeatures(newer.value)), upstreamFault };
    expect((await answers(known, newer, bad, bad, known)).slice(2)).toEqual([again, again, merged]);
  });

  it.each([
    ['unreachable', down],
    ['failing', failing],
    ['no JSON object', strange],
  ])('is 503 when the upstream was never anything but %s, and not the own features alone', async (_what, bad) => {
    const [answer] = await answers(bad);
    expect(answer).toMatchObject({ status: 503, contentType: 'text/plain; charset=utf-8' });
    expect(answer?.text).not.toContain('HEAP');
  });

  it('is the 404 of an upstream that knows no features', async () => {
    expect(await answers(missing)).toEqual([{ status: 404, text: 'Not Found', contentType: merged.contentType }]);
  });

  it('forgets what was known before a 404', async () => {
    expect((await answers(known, missing, down)).map(({ status }) => status)).toEqual([200, 404, 503]);
  });

  it('asks the upstream once for all who ask at the same time, and again for who asks later', async () => {
    const asked: ((says: UpstreamFeatures) => void)[] = [];
    const answer = createFeaturesAnswer({ features: () => new Promise((resolve) => asked.push(resolve)) });
    const both = Promise.all([answer(), answer()]);
    expect(asked).toHaveLength(1);
    asked[0]?.(known);
    expect(await both).toEqual([merged, merged]);
    const later = answer();
    expect(asked).toHaveLength(2);
    asked[1]?.(missing);
    expect((await later).status).toBe(404);
  });
});
