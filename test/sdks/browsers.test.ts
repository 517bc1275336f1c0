import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals';

import { ask } from '../support/http-client.js';
import { appId, startTestService, type TestService } from '../support/running-service.js';
import { openPage, pageUrl, type BrowserPage } from './browser-page.js';
import { eventually } from './eventually.js';
import { heldByHeap, type Held } from './held-by-heap.js';
import { account, ann, formerAnn, order, pageProperties, traits, visit, wholeStory, withoutScreen } from './script.js';

const segmentScript = 'node_modules/@segment/analytics-next/dist/umd/index.js';
const rudderScript = (build: string): string =>
  `node_modules/@rudderstack/analytics-js/dist/npm/${build}/bundled/umd/index.js`;

// SDKs have waits of their own, which a busy machine makes longer.
jest.setTimeout(30_000);

let running: TestService;
let dataDir: string;
let page: BrowserPage;

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

afterEach(() => {
  page.close();
});

function held(): Held {
  return heldByHeap(running.simulator.heap.findApp(appId));
}

/** As much of `@segment/analytics-next` as is used here. Its methods resolve when the event is delivered. */
interface SegmentPage {
  readonly AnalyticsBrowser: { load(settings: object, options?: object): SegmentAnalytics };
}

interface SegmentAnalytics {
  track(event: string, properties: object): Promise<unknown>;
  identify(userId: string, traits: object): Promise<unknown>;
  page(category: string, name: string, properties: object): Promise<unknown>;
  screen(category: string, name: string): Promise<unknown>;
  group(groupId: string, traits: object): Promise<unknown>;
  alias(to: string, from: string): Promise<unknown>;
}

describe('@segment/analytics-next', () => {
  function load(settings: object, options: object = {}): SegmentAnalytics {
    page = openPage(segmentScript);
    return (page.window.AnalyticsNext as SegmentPage).AnalyticsBrowser.load({ writeKey: 'key', ...settings }, options);
  }

  async function tell(analytics: SegmentAnalytics): Promise<void> {
    await analytics.track('Visited', visit);
    await analytics.identify(ann, traits);
    await analytics.track('Order Completed', order);
    await analytics.page('Docs', 'Home', pageProperties);
    await analytics.screen('App', 'Main');
    await analytics.group(account.id, account.traits);
    await analytics.alias(ann, formerAnn);
  }

  it('delivers all that it is told, with the settings that it asks the service for', async () => {
    await tell(load({ cdnURL: running.dataUrl }));
    await eventually(() => {
      expect(held()).toMatchObject(wholeStory);
    });
    expect(page.complaints).toEqual([]);
  });

  it('delivers all that it is told, with settings that the page has itself', async () => {
    const apiHost = `${new URL(running.dataUrl).host}/v1`;
    const integrations = { 'Segment.io': { apiKey: 'key', apiHost, protocol: 'http' } };
    await tell(load({ cdnSettings: { integrations, metrics: { sampleRate: 0 } } }));
    await eventually(() => {
      expect(held()).toMatchObject(wholeStory);
    });
    expect(page.complaints).toEqual([]);
  });

  it('delivers all that it is told, in batches', async () => {
    const deliveryStrategy = { strategy: 'batching', config: { size: 7 } };
    await tell(load({ cdnURL: running.dataUrl }, { integrations: { 'Segment.io': { deliveryStrategy } } }));
    await eventually(() => {
      expect(held()).toMatchObject(wholeStory);
    });
    expect(page.complaints).toEqual([]);
  });

  it('is told what is wrong with its write key, because the page may read the refusal', async () => {
    load({ writeKey: 'nobody', cdnURL: running.dataUrl });
    await eventually(() => {
      expect(page.complaints.join('\n')).toContain('write_key_unknown');
    });
  });
});

/** As much of `@rudderstack/analytics-js` as is used here. Its methods tell nothing of delivery. */
interface RudderPage {
  readonly RudderAnalytics: new () => RudderAnalytics;
}

interface RudderAnalytics {
  load(writeKey: string, dataPlaneUrl: string, options: object): void;
  track(event: string, properties: object): void;
  identify(userId: string, traits: object): void;
  page(category: string, name: string, properties: object): void;
  group(groupId: string, traits: object): void;
  alias(to: string, from: string): void;
}

describe('@rudderstack/analytics-js', () => {
  function load(build: string, options: object): RudderAnalytics {
    page = openPage(rudderScript(build));
    const analytics = new (page.window.rudderanalytics as RudderPage).RudderAnalytics();
    // Polyfills come from somewhere else, and jsdom needs none.
    const common = { configUrl: running.dataUrl, polyfillIfRequired: false };
    analytics.load('key', running.dataUrl, { ...common, ...options });
    return analytics;
  }

  async function tell(analytics: RudderAnalytics): Promise<void> {
    analytics.track('Visited', visit);
    analytics.identify(ann, traits);
    analytics.track('Order Completed', order);
    analytics.page('Docs', 'Home', pageProperties);
    analytics.group(account.id, account.traits);
    analytics.alias(ann, formerAnn);
    // It has no screens.
    await eventually(() => {
      expect(held()).toMatchObject(withoutScreen);
    });
  }

  it.each(['modern', 'legacy'])('delivers all that it is told, the %s build', async (build) => {
    await tell(load(build, {}));
    expect(page.complaints).toEqual([]);
  });

  it('delivers all that it is told, in batches', async () => {
    await tell(load('modern', { queueOptions: { batch: { enabled: true, maxItems: 3 } } }));
    expect(page.complaints).toEqual([]);
  });

  it('delivers all that it is told, as a beacon', async () => {
    const analytics = load('modern', { useBeacon: true, beaconQueueOptions: { maxItems: 6 } });
    // jsdom has no beacons. A browser's goes out like this, and tells nobody what came back.
    page.window.navigator.sendBeacon = (url: string, body: RudderBeacon) => {
      void body.text().then((text) => {
        const headers = { 'content-type': body.type, origin: new URL(pageUrl).origin };
        return ask(url, { method: 'POST', headers, body: text });
      });
      return true;
    };
    await tell(analytics);
  });
});

interface RudderBeacon {
  readonly type: string;
  text(): Promise<string>;
}
