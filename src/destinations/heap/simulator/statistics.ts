import type { FaultKind } from './fault-rule.js';
import type { RateLimitName } from './limits.js';

/** Writes taken, by kind; duplicates are not among `track`. */
export interface ItemCounts {
  track: number;
  userProperties: number;
  accountProperties: number;
  identify: number;
  duplicates: number;
}

/** What `/_simulator/stats` answers. */
export interface StatisticsSnapshot {
  /** Requests by path and by the status that was sent; 'none' where a fault sent no answer. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly items: Readonly<Omit<ItemCounts, 'duplicates'>>;
  readonly duplicates: number;
  /** Requests answered 429, by the limit they ran into. */
  readonly rateLimited: Readonly<Record<RateLimitName, number>>;
  readonly faultsApplied: Readonly<Record<FaultKind, number>>;
  readonly reservedKeysIgnored: number;
  readonly identifyDropped: { readonly otherIdentity: number; readonly tooManyUserIds: number };
  /** User-property writes by an email that no user has. */
  readonly unmatchedEmails: number;
  readonly apps: Readonly<Record<string, Readonly<ItemCounts>>>;
}

/** Everything the simulator counts, beyond the state itself. */
export class Statistics {
  private readonly requests = new Map<string, Map<string, number>>();
  private readonly appCounts = new Map<string, ItemCounts>();
  readonly rateLimited = {
    bulkTrackPerIdentity: 0,
    bulkTrackPerApp: 0,
    trackPerIdentity: 0,
    userPropertiesPerIdentity: 0,
  };
  readonly faultsApplied = { status: 0, hang: 0, reset: 0, truncate: 0, slowBody: 0, latency: 0 };
  readonly identifyDropped = { otherIdentity: 0, tooManyUserIds: 0 };
  reservedKeysIgnored = 0;
  unmatchedEmails = 0;

  app(appId: string): ItemCounts {
    let counts = this.appCounts.get(appId);
    if (counts === undefined) {
      counts = emptyCounts();
      this.appCounts.set(appId, counts);
    }
    return counts;
  }

  /** `route` must come from a fixed set, or the map would grow with every path tried. */
  countRequest(route: string, status: number | 'none'): void {
    let statuses = this.requests.get(route);
    if (statuses === undefined) {
      statuses = new Map();
      this.requests.set(route, statuses);
    }
    statuses.set(String(status), (statuses.get(String(status)) ?? 0) + 1);
  }

  snapshot(): StatisticsSnapshot {
    const { duplicates, ...items } = sum([...this.appCounts.values()]);
    return {
      requests: Object.fromEntries([...this.requests].map(([route, counts]) => [route, Object.fromEntries(counts)])),
      items,
      duplicates,
      rateLimited: { ...this.rateLimited },
      faultsApplied: { ...this.faultsApplied },
      reservedKeysIgnored: this.reservedKeysIgnored,
      identifyDropped: { ...this.identifyDropped },
      unmatchedEmails: this.unmatchedEmails,
      apps: Object.fromEntries([...this.appCounts].map(([appId, counts]) => [appId, { ...counts }])),
    };
  }
}

function emptyCounts(): ItemCounts {
  return { track: 0, userProperties: 0, accountProperties: 0, identify: 0, duplicates: 0 };
}

function sum(all: readonly ItemCounts[]): ItemCounts {
  const total = emptyCounts();
  for (const counts of all) {
    total.track += counts.track;
    total.userProperties += counts.userProperties;
    total.accountProperties += counts.accountProperties;
    total.identify += counts.identify;
    total.duplicates += counts.duplicates;
  }
  return total;
}
