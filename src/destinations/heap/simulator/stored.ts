import type { StoredProperties } from './property-rules.js';
import type { Subject } from './subject.js';

/** The request an event came in. */
export type Via = 'track' | 'bulk track' | 'integrations track';

/** An event as the simulator keeps it; who it belongs to is resolved when it is read, so that merging is O(1). */
export interface StoredEvent {
  readonly subject: Subject;
  readonly event: string;
  /** Epoch milliseconds: the sender's timestamp, else the time of arrival. */
  readonly time: number;
  readonly receivedAt: number;
  readonly sessionId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly properties: StoredProperties;
  readonly via: Via;
}

/** An identified user. */
export interface StoredUser {
  readonly identity: string;
  readonly createdAt: number;
  readonly properties: ReadonlyMap<string, string | number>;
  /** The user_ids merged into it. */
  readonly userIds: ReadonlySet<string>;
  /** How many events belong to it, kept ones or not. */
  readonly events: number;
}

/** A user known by a user_id alone. */
export interface StoredAnonymousUser {
  readonly userId: string;
  readonly createdAt: number;
  readonly events: number;
}

/** An account. */
export interface StoredAccount {
  readonly accountId: string;
  readonly createdAt: number;
  readonly properties: ReadonlyMap<string, string | number>;
}
