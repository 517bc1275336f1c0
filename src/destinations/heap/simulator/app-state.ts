import type { RateLimit } from './limits.js';
import { isReservedUserProperty, type StoredProperties } from './property-rules.js';
import { RememberedKeys } from './remembered-keys.js';
import { SlidingWindow } from './sliding-window.js';
import type { StoredAccount, StoredAnonymousUser, StoredEvent, StoredUser, Via } from './stored.js';
import type { Subject } from './subject.js';
import type { TrackItem } from './write-items.js';

/** How much of an app_id is kept. */
export interface AppStateOptions {
  /** Events kept whole; later ones are only counted. */
  readonly keepEvents: number;
  /** Idempotency keys that are surely remembered. */
  readonly keepIdempotencyKeys: number;
  readonly userIdsPerIdentity: RateLimit | null;
}

/** What became of linking a user_id to an identity. Heap answers 200 to all of them. */
export type LinkOutcome = 'linked' | 'alreadyLinked' | 'otherIdentity' | 'tooManyUserIds';

interface User extends StoredUser {
  readonly properties: Map<string, string | number>;
  readonly userIds: Set<string>;
  readonly links: SlidingWindow | null;
  events: number;
}
interface AnonymousUser extends StoredAnonymousUser {
  events: number;
}
interface Account extends StoredAccount {
  readonly properties: Map<string, string | number>;
}

/** Everything Heap knows of one app_id: users, accounts and events. */
export class AppState {
  private readonly usersByIdentity = new Map<string, User>();
  private readonly anonymousByUserId = new Map<string, AnonymousUser>();
  private readonly identityByUserId = new Map<string, string>();
  private readonly identityByEmail = new Map<string, string>();
  private readonly accountsById = new Map<string, Account>();
  private readonly idempotencyKeys: RememberedKeys;
  private kept: StoredEvent[] = [];
  private counted = 0;

  constructor(private readonly options: AppStateOptions) {
    this.idempotencyKeys = new RememberedKeys(options.keepIdempotencyKeys);
  }

  get users(): ReadonlyMap<string, StoredUser> {
    return this.usersByIdentity;
  }

  get anonymousUsers(): ReadonlyMap<string, StoredAnonymousUser> {
    return this.anonymousByUserId;
  }

  get accounts(): ReadonlyMap<string, StoredAccount> {
    return this.accountsById;
  }

  /** The kept events, oldest arrival first. */
  get events(): readonly StoredEvent[] {
    return this.kept;
  }

  /** All events, kept or not. */
  get eventCount(): number {
    return this.counted;
  }

  /** The identity that a subject belongs to now, or undefined while it is anonymous or unmatched. */
  identityOf(subject: Subject): string | undefined {
    switch (subject.kind) {
      case 'identity':
        return subject.value;
      case 'userId':
        return this.identityByUserId.get(subject.value);
      case 'email':
        return this.identityByEmail.get(subject.value);
    }
  }

  /**
   * Stores an event; false when its idempotency key was seen before for the same user as named in the request: the
   * first write wins (https://developers.heap.io/reference/track-1). An empty key is taken as none.
   */
  addEvent(item: TrackItem, via: Via, now: number): boolean {
    const { subject, idempotencyKey } = item;
    if (idempotencyKey && !this.idempotencyKeys.add(`${subject.key}\0${idempotencyKey}`)) return false;
    const owner = this.ownerOf(subject, now);
    if (owner !== undefined) owner.events++;
    this.counted++;
    if (this.kept.length < this.options.keepEvents) {
      const { event, sessionId, properties } = item;
      const time = item.timestamp ?? now;
      this.kept.push({ subject, event, time, receivedAt: now, sessionId, idempotencyKey, properties, via });
    }
    return true;
  }

  /**
   * Overwrites the given properties. Returns how many reserved keys were ignored, or undefined when no user matches,
   * which only an email can cause.
   */
  setUserProperties(subject: Subject, properties: StoredProperties, now: number): number | undefined {
    const identity = this.identityOf(subject);
    if (identity === undefined) return undefined;
    const user = this.user(identity, now);
    let ignored = 0;
    for (const [key, value] of Object.entries(properties)) {
      if (isReservedUserProperty(key)) {
        ignored++;
        continue;
      }
      user.properties.set(key, value);
      if (key === 'email') this.identityByEmail.set(String(value), identity);
    }
    return ignored;
  }

  setAccountProperties(accountId: string, properties: StoredProperties, now: number): void {
    let account = this.accountsById.get(accountId);
    if (account === undefined) {
      account = { accountId, createdAt: now, properties: new Map() };
      this.accountsById.set(accountId, account);
    }
    for (const [key, value] of Object.entries(properties)) account.properties.set(key, value);
  }

  /**
   * Gives the events of `userId`, past and future, to `identity`, unless the user_id has another identity or the
   * identity has its ten user_ids of the month (https://developers.heap.io/reference/identify-1).
   */
  link(userId: string, identity: string, now: number): LinkOutcome {
    const known = this.identityByUserId.get(userId);
    if (known !== undefined) return known === identity ? 'alreadyLinked' : 'otherIdentity';
    const user = this.user(identity, now);
    if ((user.links?.waitMs(1, now) ?? 0) > 0) return 'tooManyUserIds';
    user.links?.add(1, now);
    user.userIds.add(userId);
    user.events += this.anonymousByUserId.get(userId)?.events ?? 0;
    this.anonymousByUserId.delete(userId);
    this.identityByUserId.set(userId, identity);
    return 'linked';
  }

  /** Deletes users and their events; a user_id that was merged stands for the whole user it was merged into. */
  deleteUsers(subjects: readonly Subject[]): void {
    const identities = new Set<string>();
    const anonymous = new Map<string, Subject>();
    for (const subject of subjects) {
      const identity = this.identityOf(subject);
      if (identity === undefined) anonymous.set(subject.key, subject);
      else identities.add(identity);
    }
    this.kept = this.kept.filter(({ subject }) => {
      const identity = this.identityOf(subject);
      return identity === undefined ? !anonymous.has(subject.key) : !identities.has(identity);
    });
    for (const { value } of anonymous.values()) {
      this.counted -= this.anonymousByUserId.get(value)?.events ?? 0;
      this.anonymousByUserId.delete(value);
    }
    for (const identity of identities) this.deleteIdentity(identity);
  }

  private deleteIdentity(identity: string): void {
    const user = this.usersByIdentity.get(identity);
    if (user === undefined) return;
    this.counted -= user.events;
    for (const userId of user.userIds) this.identityByUserId.delete(userId);
    const email = String(user.properties.get('email'));
    if (this.identityByEmail.get(email) === identity) this.identityByEmail.delete(email);
    this.usersByIdentity.delete(identity);
  }

  /** The user that a subject's events count for, created when unknown. */
  private ownerOf(subject: Subject, now: number): User | AnonymousUser | undefined {
    const identity = this.identityOf(subject);
    if (identity !== undefined) return this.user(identity, now);
    if (subject.kind !== 'userId') return undefined;
    let anonymous = this.anonymousByUserId.get(subject.value);
    if (anonymous === undefined) {
      anonymous = { userId: subject.value, createdAt: now, events: 0 };
      this.anonymousByUserId.set(subject.value, anonymous);
    }
    return anonymous;
  }

  private user(identity: string, now: number): User {
    let user = this.usersByIdentity.get(identity);
    if (user === undefined) {
      const limit = this.options.userIdsPerIdentity;
      const links = limit && new SlidingWindow(limit);
      user = { identity, createdAt: now, properties: new Map(), userIds: new Set(), links, events: 0 };
      this.usersByIdentity.set(identity, user);
    }
    return user;
  }
}
