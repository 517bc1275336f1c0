import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { jitsuAnalytics } from '@jitsu/js';
import RudderAnalytics from '@rudderstack/rudder-sdk-node';
import { Analytics as SegmentAnalytics } from '@segment/analytics-node';
import { afterAll, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { ask } from '../support/http-client.js';
import { appId, startTestService, type TestService } from '../support/running-service.js';
import { eventually } from './eventually.js';
import { heldByHeap, type Held } from './held-by-heap.js';
import { account, ann, formerAnn, order, pageProperties, traits, visit, wholeStory, withoutScreen } from './script.js';

// SDKs have waits of their own, which a busy machine makes longer.
jest.setTimeout(30_000);

let running: TestService;
let dataDir: string;

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'sdks-'));
  running = await startTestService({ store: { type: 'lmdb', dataDir } });
});

afterAll(async () => {
  await running.close();
  rmSync(dataDir, { recursive: true, force: true });
});

beforeEach(() => {
  running.simulator.heap.reset();
});

/** Each SDK says when its events are confirmed, which is when they are stored; Heap has them a little later. */
function held(): Held {
  return heldByHeap(running.simulator.heap.findApp(appId));
}

describe('@segment/analytics-node', () => {
  it.each([1, 15])('delivers all that it is told, %i in a request', async (flushAt) => {
    const analytics = new SegmentAnalytics({ writeKey: 'key', host: running.dataUrl, flushAt });
    const errors: unknown[] = [];
    analytics.on('error', (error) => errors.push(error));
    const anonymousId = 'visitor-1';
    analytics.track({ anonymousId, event: 'Visited', properties: visit });
    analytics.identify({ userId: ann, anonymousId, traits });
    analytics.track({ userId: ann, event: 'Order Completed', properties: order });
    analytics.page({ userId: ann, category: 'Docs', name: 'Home', properties: pageProperties });
    analytics.screen({ userId: ann, name: 'Main' });
    analytics.group({ userId: ann, groupId: account.id, traits: account.traits });
    analytics.alias({ userId: ann, previousId: formerAnn });
    await analytics.closeAndFlush();
    expect(errors).toEqual([]);
    await eventually(() => {
      expect(held()).toMatchObject(wholeStory);
    });
  });
});

describe('@segment/analytics-node, when Heap does not confirm in time', () => {
  it('sends again what was not settled, and Heap has it once', async () => {
    const service = await startTestService({
      server: { answerTimeoutMs: 100 },
      delivery: { requestTimeoutMs: 300 },
    });
    try {
      const hanging = [{ match: { times: 1 }, action: { hang: true, stored: true } }];
      await ask(`${service.simulator.url}/_simulator/faults`, { method: 'POST', body: JSON.stringify(hanging) });
      const analytics = new SegmentAnalytics({ writeKey: 'key', host: service.dataUrl });
      const statuses: number[] = [];
      analytics.on('http_response', ({ status }) => statuses.push(status));
      analytics.track({ userId: ann, event: 'Order Completed', properties: order });
      await analytics.closeAndFlush();
      expect([statuses.at(0), statuses.at(-1)]).toEqual([503, 200]);
      expect(service.heapEvents()).toEqual(['Order Completed']);
    } finally {
      await service.close();
    }
  });
});

describe('@rudderstack/rudder-sdk-node', () => {
  it.each([
    ['compressed, which is how it does it by itself', true],
    ['as plain text', false],
  ])('delivers all that it is told, %s', async (_name, gzip) => {
    const errors: unknown[] = [];
    const analytics = new RudderAnalytics('key', {
      dataPlaneUrl: running.dataUrl,
      gzip,
      flushAt: 20,
      logLevel: 'silly',
      errorHandler: (error: unknown) => errors.push(error),
    });
    const anonymousId = 'visitor-1';
    analytics.track({ anonymousId, event: 'Visited', properties: visit });
    analytics.identify({ userId: ann, anonymousId, traits });
    analytics.track({ userId: ann, event: 'Order Completed', properties: order });
    analytics.page({ userId: ann, category: 'Docs', name: 'Home', properties: pageProperties });
    analytics.screen({ userId: ann, name: 'Main' });
    analytics.group({ userId: ann, groupId: account.id, traits: account.traits });
    analytics.alias({ userId: ann, previousId: formerAnn });
    await analytics.flush();
    expect(errors).toEqual([]);
    await eventually(() => {
      expect(held()).toMatchObject(wholeStory);
    });
  });
});

describe('@jitsu/js', () => {
  it.each([false, true])('delivers all that it is told, with s2s: %j', async (s2s) => {
    // It wants something behind a colon.
    const analytics = jitsuAnalytics({ host: running.dataUrl, writeKey: 'key:-', s2s, errorPolicy: 'rethrow' });
    await analytics.track('Visited', visit);
    await analytics.identify(ann, traits);
    await analytics.track('Order Completed', order);
    await analytics.page({ name: 'Home', category: 'Docs', ...pageProperties });
    await analytics.group(account.id, account.traits);
    // It has neither screens nor aliases.
    await eventually(() => {
      expect(held()).toMatchObject({ ...withoutScreen, visitors: { [ann]: 1 } });
    });
  });
});
