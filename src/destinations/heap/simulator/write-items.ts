import {
  readEventName,
  readIdentity,
  readOptionalString,
  readRequiredString,
  readTimestamp,
  readUserId,
} from './field-rules.js';
import { isGiven, isJsonObject, type JsonObject } from './json-object.js';
import { Problem } from './problem.js';
import { readProperties, type StoredProperties } from './property-rules.js';
import { readSubject, subjectOf, type Subject } from './subject.js';

/** One valid event. */
export interface TrackItem {
  readonly subject: Subject;
  readonly event: string;
  /** Epoch milliseconds, when the sender gave one. */
  readonly timestamp: number | undefined;
  readonly sessionId: string | undefined;
  readonly idempotencyKey: string | undefined;
  readonly properties: StoredProperties;
}

/** One valid write of user properties. */
export interface UserItem {
  readonly subject: Subject;
  readonly properties: StoredProperties;
}

/** One valid write of account properties. */
export interface AccountItem {
  readonly accountId: string;
  readonly properties: StoredProperties;
}

/** One valid server-side identify. */
export interface IdentifyItem {
  readonly userId: string;
  readonly identity: string;
}

/** Reads one item of a request, or says what is wrong with it. */
export type ItemReader<Item> = (item: JsonObject) => Item | Problem;

/** https://developers.heap.io/reference/track-1 */
export function readTrackItem(item: JsonObject): TrackItem | Problem {
  const subject = readSubject(item);
  if (subject instanceof Problem) return subject;
  const event = readEventName(item);
  if (event instanceof Problem) return event;
  const timestamp = readTimestamp(item);
  if (timestamp instanceof Problem) return timestamp;
  const sessionId = readOptionalString(item, 'session_id');
  if (sessionId instanceof Problem) return sessionId;
  const idempotencyKey = readOptionalString(item, 'idempotency_key');
  if (idempotencyKey instanceof Problem) return idempotencyKey;
  const properties = readProperties(item.properties, 'properties');
  if (properties instanceof Problem) return properties;
  return { subject, event, timestamp, sessionId, idempotencyKey, properties };
}

/** https://developers.heap.io/reference/add-user-properties */
export function readUserItem(item: JsonObject): UserItem | Problem {
  const identity = readIdentity(item);
  if (identity instanceof Problem) return identity;
  const properties = readProperties(item.properties, 'properties');
  return properties instanceof Problem ? properties : { subject: subjectOf('identity', identity), properties };
}

/** https://developers.heap.io/reference/add-account-properties. No maximum length of account_id is published. */
export function readAccountItem(item: JsonObject): AccountItem | Problem {
  const accountId = readRequiredString(item, 'account_id');
  if (accountId instanceof Problem) return accountId;
  const properties = readProperties(item.properties, 'properties');
  return properties instanceof Problem ? properties : { accountId, properties };
}

/** https://developers.heap.io/reference/identify-1 */
export function readIdentifyItem(item: JsonObject): IdentifyItem | Problem {
  const userId = readUserId(item);
  if (userId instanceof Problem) return userId;
  const identity = readIdentity(item);
  if (identity instanceof Problem) return identity;
  const timestamp = readTimestamp(item);
  return timestamp instanceof Problem ? timestamp : { userId, identity };
}

/**
 * Reads the list of a bulk request. All or nothing: the first bad item refuses the request, since Heap documents no
 * partial answer.
 */
export function readItems<Item>(
  list: unknown,
  field: string,
  max: number | null,
  read: ItemReader<Item>,
): readonly Item[] | Problem {
  if (!Array.isArray(list)) return new Problem(field, 'must be an array');
  if (max !== null && list.length > max) return new Problem(field, `must have at most ${max} items`);
  const items: Item[] = [];
  for (let index = 0; index < list.length; index++) {
    const value: unknown = list[index];
    const item = isJsonObject(value) ? read(value) : undefined;
    if (item === undefined) return new Problem(`${field}[${index}]`, 'must be an object');
    if (item instanceof Problem) return item.within(`${field}[${index}]`);
    items.push(item);
  }
  return items;
}

/** A write request: one item in the body itself, or a list of them. */
export interface Writes<Item> {
  readonly bulk: boolean;
  readonly items: readonly Item[];
}

/** Reads the single or the bulk form: bulk when the body has the list. */
export function readWrites<Item>(
  body: JsonObject,
  listField: string,
  max: number | null,
  read: ItemReader<Item>,
): Writes<Item> | Problem {
  if (isGiven(body[listField])) {
    const items = readItems(body[listField], listField, max, read);
    return items instanceof Problem ? items : { bulk: true, items };
  }
  const item = read(body);
  return item instanceof Problem ? item : { bulk: false, items: [item] };
}
