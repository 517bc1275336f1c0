import type { JsonObject } from '../json.js';
import type { Voice } from './recorder.js';
import type { Random } from './random.js';
import { isoUtc, isoWithOffset } from './time.js';

export interface WebPage {
  readonly path: string;
  readonly title: string;
  readonly search: string;
  readonly referrer: string;
}

export const siteUrl = 'https://www.larkspur.example';

export function pageFields({ path, title, search, referrer }: WebPage): JsonObject {
  return { path, referrer, search, title, url: `${siteUrl}${path}${search}` };
}

const browsers = [
  'Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36',
  'Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:125.0) Gecko/20100101 Firefox/125.0',
  'Mozilla/5.0 (iPhone; CPU iPhone OS 17_4 like Mac OS X) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/604.1',
] as const;

/** A browser with Segment's analytics.js: `timestamp` in UTC, the page and the campaign in the context. */
export class BrowserVoice implements Voice {
  readonly connection = 'web';
  readonly precisionMs = 1;
  /** The page that the visitor is on, and the campaign that led here. */
  page: WebPage = { path: '/', title: 'Larkspur', search: '', referrer: '' };
  campaign: JsonObject | undefined;
  private readonly userAgent: string;

  constructor(
    private readonly random: Random,
    private readonly locale: string,
    private readonly timezone: string,
  ) {
    this.userAgent = random.pick(browsers);
  }

  messageId(at: number): string {
    return `ajs-next-${at}-${this.random.uuid()}`;
  }

  context(): JsonObject {
    return {
      page: pageFields(this.page),
      ...(this.campaign === undefined ? {} : { campaign: this.campaign }),
      userAgent: this.userAgent,
      locale: this.locale,
      timezone: this.timezone,
      library: { name: 'analytics.js', version: 'next-1.84.3' },
    };
  }

  times(at: number): ReturnType<Voice['times']> {
    return { fields: { timestamp: isoUtc(at) }, expected: at };
  }
}

const devices = [
  { os: 'iOS', version: '17.4.1', manufacturer: 'Apple', model: 'iPhone15,2', sdk: 'rudder-ios-library' },
  { os: 'iOS', version: '16.7.5', manufacturer: 'Apple', model: 'iPad13,1', sdk: 'rudder-ios-library' },
  { os: 'Android', version: '14', manufacturer: 'Google', model: 'Pixel 8', sdk: 'rudder-android-library' },
  { os: 'Android', version: '13', manufacturer: 'samsung', model: 'SM-A546B', sdk: 'rudder-android-library' },
] as const;

/**
 * A phone or tablet. Half of the apps in use state `timestamp` with the device's offset; the other half, as
 * RudderStack's SDKs do, send their own clock's `originalTimestamp` and `sentAt`, from which the receiver works out the
 * time: what it received, less what lay between the two.
 */
export class DeviceVoice implements Voice {
  readonly connection = 'mobile';
  readonly precisionMs = 1000;
  private readonly device: (typeof devices)[number];
  private readonly statesTimestamp: boolean;

  constructor(
    private readonly random: Random,
    private readonly deviceId: string,
    private readonly locale: string,
    private readonly offsetMinutes: number,
  ) {
    this.device = random.pick(devices);
    this.statesTimestamp = random.chance(0.5);
  }

  messageId(): string {
    return this.random.uuid();
  }

  context(): JsonObject {
    const { os, version, manufacturer, model, sdk } = this.device;
    return {
      app: { name: 'Larkspur', version: '4.12.0', build: '2291', namespace: 'example.larkspur.app' },
      device: { id: this.deviceId, manufacturer, model, type: os.toLowerCase() },
      os: { name: os, version },
      network: { wifi: this.random.chance(0.7), cellular: true, bluetooth: false },
      locale: this.locale,
      library: { name: sdk, version: '2.4.0' },
    };
  }

  times(at: number): ReturnType<Voice['times']> {
    if (this.statesTimestamp) {
      return { fields: { timestamp: isoWithOffset(at, this.offsetMinutes) }, expected: at };
    }
    const sentAt = at + this.random.int(1, 30) * 1000;
    return { fields: { originalTimestamp: isoUtc(at), sentAt: isoUtc(sentAt) }, expected: 'arrival' };
  }
}

/** The billing backend, in Amsterdam, with Segment's Node SDK. */
export class BackendVoice implements Voice {
  readonly connection = 'server';
  readonly precisionMs = 1000;

  constructor(private readonly random: Random) {}

  messageId(at: number): string {
    return `node-next-${at}-${this.random.uuid()}`;
  }

  context(): JsonObject {
    return { library: { name: '@segment/analytics-node', version: '3.1.0' } };
  }

  times(at: number): ReturnType<Voice['times']> {
    return { fields: { timestamp: isoWithOffset(at, 120) }, expected: at };
  }
}
