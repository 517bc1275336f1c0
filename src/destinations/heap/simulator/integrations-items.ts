import { createHash } from 'node:crypto';
import { readEventName, readIdentity, readOptionalString, readTimestamp, readUserId } from './field-rules.js';
import { isGiven, isJsonObject, type JsonObject } from './json-object.js';
import { Problem } from './problem.js';
import { readProperties, readStringProperties, type StoredProperties } from './property-rules.js';
import { subjectOf } from './subject.js';
import type { TrackItem, UserItem } from './write-items.js';

/** An event of the integrations endpoint: it may name its user in several ways at once, and so links them. */
export interface IntegrationsTrackItem extends TrackItem {
  /** user_ids that the event also names beside its identity. */
  readonly linkedUserIds: readonly string[];
}

/** What a `user_identifier` object names; at least one of them. */
interface UserIdentifier {
  readonly identity: string | undefined;
  readonly userIds: readonly string[];
  readonly email: string | undefined;
}

const high21Bits = 2 ** 21 - 1;

/**
 * The user_id that Heap gives to an anonymous id, by Segment's first Heap action, whose author checked it against
 * Heap's own: https://github.com/segmentio/action-destinations/pull/687.
 */
export function hashedUserId(anonymousId: string): string {
  const digest = createHash('md5').update(anonymousId).digest();
  return String(digest.readUInt32LE(0) + (digest.readUInt32LE(8) & high21Bits) * 2 ** 32);
}

/**
 * `/api/integrations/track` is not in Heap's reference; the shape is Segment's
 * (https://github.com/segmentio/action-destinations/tree/main/packages/destination-actions/src/destinations/heap).
 * Property values are strings only. `properties` was sent beside `custom_properties` until 2023.
 */
export function readIntegrationsTrackItem(item: JsonObject): IntegrationsTrackItem | Problem {
  const identifier = readUserIdentifier(item);
  if (identifier instanceof Problem) return identifier;
  const event = readEventName(item);
  if (event instanceof Problem) return event;
  const timestamp = readTimestamp(item);
  if (timestamp instanceof Problem) return timestamp;
  const idempotencyKey = readOptionalString(item, 'idempotency_key');
  if (idempotencyKey instanceof Problem) return idempotencyKey;
  const properties = readBothProperties(item, readStringProperties);
  if (properties instanceof Problem) return properties;
  const { identity, userIds, email = '' } = identifier;
  const subject =
    identity !== undefined
      ? subjectOf('identity', identity)
      : userIds[0] !== undefined
        ? subjectOf('userId', userIds[0])
        : subjectOf('email', email);
  const linkedUserIds = identity === undefined ? [] : userIds;
  return { subject, linkedUserIds, event, timestamp, sessionId: undefined, idempotencyKey, properties };
}

/** `/api/integrations/add_user_properties`: the user is named by identity or email; values may be any scalar. */
export function readIntegrationsUserItem(item: JsonObject): UserItem | Problem {
  const identifier = readUserIdentifier(item);
  if (identifier instanceof Problem) return identifier;
  const { identity, email } = identifier;
  if (identity === undefined && email === undefined) {
    return new Problem('user_identifier', 'identity or email is required');
  }
  const properties = readBothProperties(item, readProperties);
  if (properties instanceof Problem) return properties;
  const subject = identity === undefined ? subjectOf('email', email ?? '') : subjectOf('identity', identity);
  return { subject, properties };
}

function readUserIdentifier(item: JsonObject): UserIdentifier | Problem {
  const identifier = item.user_identifier;
  if (!isJsonObject(identifier)) return new Problem('user_identifier', 'must be an object');
  const identity = isGiven(identifier.identity) ? readIdentity(identifier) : undefined;
  if (identity instanceof Problem) return identity.within('user_identifier');
  const userId = isGiven(identifier.user_id) ? readUserId(identifier) : undefined;
  if (userId instanceof Problem) return userId.within('user_identifier');
  const anonymousId = readOptionalString(identifier, 'anonymous_id');
  if (anonymousId instanceof Problem) return anonymousId.within('user_identifier');
  const email = readOptionalString(identifier, 'email');
  if (email instanceof Problem) return email.within('user_identifier');
  const userIds = userId === undefined ? [] : [userId];
  if (anonymousId !== undefined) userIds.push(hashedUserId(anonymousId));
  if (identity === undefined && email === undefined && userIds.length === 0) {
    return new Problem('user_identifier', 'needs one of identity, anonymous_id, user_id and email');
  }
  return { identity, userIds, email };
}

function readBothProperties(item: JsonObject, read: typeof readProperties): StoredProperties | Problem {
  const custom = read(item.custom_properties, 'custom_properties');
  if (custom instanceof Problem || !isGiven(item.properties)) return custom;
  const library = read(item.properties, 'properties');
  if (library instanceof Problem) return library;
  return { ...library, ...custom };
}
