import { AppRateLimiter, type Refusal } from './app-rate-limiter.js';
import { AppState, type LinkOutcome } from './app-state.js';
import { readAppId, readRequiredString } from './field-rules.js';
import { readIntegrationsTrackItem, readIntegrationsUserItem } from './integrations-items.js';
import { isGiven, type JsonObject } from './json-object.js';
import type { SimulatorOptions } from './simulator-options.js';
import { Problem } from './problem.js';
import { jsonReply, retryAfterHeader, textReply, type SimulatedReply } from './simulated-reply.js';
import type { Statistics } from './statistics.js';
import type { Via } from './stored.js';
import type { Subject } from './subject.js';
import {
  readAccountItem,
  readIdentifyItem,
  readItems,
  readTrackItem,
  readUserItem,
  readWrites,
  type TrackItem,
  type UserItem,
} from './write-items.js';

interface App {
  readonly state: AppState;
  readonly limiter: AppRateLimiter;
}

/**
 * The endpoints that write. Each checks the whole request, then the rate limits, and only then stores, so that a 400
 * or a 429 leaves nothing behind and a 400 uses up no allowance.
 */
export class Ingestion {
  private readonly apps = new Map<string, App>();

  constructor(
    private readonly options: SimulatorOptions,
    private readonly statistics: Statistics,
  ) {}

  appIds(): readonly string[] {
    return [...this.apps.keys()];
  }

  findApp(appId: string): AppState | undefined {
    return this.apps.get(appId)?.state;
  }

  /** `POST /api/track`, https://developers.heap.io/reference/track-1 and /bulk-track. */
  track(body: JsonObject, now: number): SimulatedReply {
    const appId = readAppId(body);
    if (appId instanceof Problem) return badRequest(appId);
    const writes = readWrites(body, 'events', this.options.limits.itemsPerRequest, readTrackItem);
    if (writes instanceof Problem) return badRequest(writes);
    const app = this.app(appId);
    const users = writes.items.map(({ subject }) => subject.key);
    const refusal = writes.bulk ? app.limiter.bulkTrack(users, now) : app.limiter.track(users[0] ?? '', now);
    if (refusal !== undefined) return this.tooManyRequests(refusal, now);
    this.storeEvents(appId, writes.items, writes.bulk ? 'bulk track' : 'track', now);
    return jsonReply(200, {});
  }

  /** `POST /api/add_user_properties`, https://developers.heap.io/reference/add-user-properties and the bulk page. */
  addUserProperties(body: JsonObject, now: number): SimulatedReply {
    const appId = readAppId(body);
    if (appId instanceof Problem) return badRequest(appId);
    const writes = readWrites(body, 'users', this.options.limits.itemsPerRequest, readUserItem);
    if (writes instanceof Problem) return badRequest(writes);
    const { limiter } = this.app(appId);
    const users = writes.items.map(({ subject }) => subject.key);
    const refusal = writes.bulk ? limiter.bulkUserProperties(users, now) : limiter.userProperties(users[0] ?? '', now);
    if (refusal !== undefined) return this.tooManyRequests(refusal, now);
    this.storeUsers(appId, writes.items, now);
    return jsonReply(200, {});
  }

  /** `POST /api/add_account_properties`, https://developers.heap.io/reference/add-account-properties and the bulk page. */
  addAccountProperties(body: JsonObject, now: number): SimulatedReply {
    const appId = readAppId(body);
    if (appId instanceof Problem) return badRequest(appId);
    if (isGiven(body.accounts) && (isGiven(body.account_id) || isGiven(body.properties))) {
      return badRequest(new Problem('accounts', 'cannot be given together with account_id or properties'));
    }
    const writes = readWrites(body, 'accounts', this.options.limits.itemsPerRequest, readAccountItem);
    if (writes instanceof Problem) return badRequest(writes);
    const { state } = this.app(appId);
    for (const { accountId, properties } of writes.items) state.setAccountProperties(accountId, properties, now);
    this.statistics.app(appId).accountProperties += writes.items.length;
    return textReply(200, 'OK');
  }

  /** `POST /api/v1/identify`, https://developers.heap.io/reference/identify-1: what it drops, it drops silently. */
  identify(body: JsonObject, now: number): SimulatedReply {
    const appId = readAppId(body);
    if (appId instanceof Problem) return badRequest(appId);
    const item = readIdentifyItem(body);
    if (item instanceof Problem) return badRequest(item);
    this.statistics.app(appId).identify++;
    this.countLink(this.app(appId).state.link(item.userId, item.identity, now));
    return jsonReply(200, {});
  }

  /**
   * `POST /api/integrations/track`, undocumented by Heap; no size or rate limit is published, so none is enforced. An
   * event that names an identity and an anonymous id merges them under identify's rules: that is the known reason to
   * use this endpoint (https://github.com/segmentio/action-destinations/pull/990), how Heap does it is not.
   */
  integrationsTrack(body: JsonObject, now: number): SimulatedReply {
    const appId = readIntegrationsHead(body);
    if (appId instanceof Problem) return badRequest(appId);
    const items = readItems(body.events, 'events', null, readIntegrationsTrackItem);
    if (items instanceof Problem) return badRequest(items);
    const { state } = this.app(appId);
    for (const { subject, linkedUserIds } of items) {
      for (const userId of linkedUserIds) this.countLink(state.link(userId, subject.value, now));
    }
    this.storeEvents(appId, items, 'integrations track', now);
    return jsonReply(200, {});
  }

  /** `POST /api/integrations/add_user_properties`, undocumented by Heap. */
  integrationsAddUserProperties(body: JsonObject, now: number): SimulatedReply {
    const appId = readIntegrationsHead(body);
    if (appId instanceof Problem) return badRequest(appId);
    const items = readItems(body.users, 'users', null, readIntegrationsUserItem);
    if (items instanceof Problem) return badRequest(items);
    this.storeUsers(appId, items, now);
    return jsonReply(200, {});
  }

  deleteUsers(appId: string, subjects: readonly Subject[]): void {
    this.findApp(appId)?.deleteUsers(subjects);
  }

  private app(appId: string): App {
    let app = this.apps.get(appId);
    if (app === undefined) {
      const { limits, keepEvents, keepIdempotencyKeys } = this.options;
      const { userIdsPerIdentity } = limits;
      app = {
        state: new AppState({ keepEvents, keepIdempotencyKeys, userIdsPerIdentity }),
        limiter: new AppRateLimiter(limits),
      };
      this.apps.set(appId, app);
    }
    return app;
  }

  private storeEvents(appId: string, items: readonly TrackItem[], via: Via, now: number): void {
    const { state } = this.app(appId);
    const counts = this.statistics.app(appId);
    for (const item of items) {
      if (state.addEvent(item, via, now)) counts.track++;
      else counts.duplicates++;
    }
  }

  private storeUsers(appId: string, items: readonly UserItem[], now: number): void {
    const { state } = this.app(appId);
    for (const { subject, properties } of items) {
      const ignored = state.setUserProperties(subject, properties, now);
      if (ignored === undefined) this.statistics.unmatchedEmails++;
      else this.statistics.reservedKeysIgnored += ignored;
    }
    this.statistics.app(appId).userProperties += items.length;
  }

  private countLink(outcome: LinkOutcome): void {
    if (outcome === 'otherIdentity' || outcome === 'tooManyUserIds') this.statistics.identifyDropped[outcome]++;
  }

  private tooManyRequests({ limit, retryAfterMs }: Refusal, now: number): SimulatedReply {
    this.statistics.rateLimited[limit]++;
    const { retryAfter } = this.options;
    const headers = retryAfter === 'none' ? {} : retryAfterHeader(retryAfter, retryAfterMs, now);
    return textReply(429, `rate limit exceeded: ${limit}`, headers);
  }
}

function readIntegrationsHead(body: JsonObject): string | Problem {
  const appId = readAppId(body);
  if (appId instanceof Problem) return appId;
  const library = readRequiredString(body, 'library');
  return library instanceof Problem ? library : appId;
}

/** Heap publishes no catalogue of messages; `text/plain` is what its account page documents and what is seen elsewhere. */
function badRequest(problem: Problem): SimulatedReply {
  return textReply(400, problem.text);
}
