import type { Operation } from '../../core/batching/operation.js';
import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { maxIdLength } from './candidate-id.js';
import { maxEventNameLength } from './limits.js';
import { isHeapUserId } from './user-id.js';

/** Heap's documented lengths of keys and values (https://developers.heap.io/reference/track-1). */
const maxPropertyLength = 1_023;

/**
 * Does an operation keep Heap's documented rules? The rudderstack preset passes on what the event holds, right or wrong.
 * Heap answers a bulk request with one answer, so that an item it refuses could cost its neighbours their delivery: what
 * is doubtful travels alone.
 */
export function fitsBulk({ kind, text }: Operation): boolean {
  const item = JSON.parse(text) as Json;
  if (!isJsonObject(item)) return false;
  const { event, timestamp, idempotency_key: key, properties } = item;
  const isWellTimed = timestamp === undefined || (typeof timestamp === 'string' && isIsoTime(timestamp));
  return (
    isAboutSomebody(kind, item) &&
    (kind !== 'track' || isText(event, maxEventNameLength)) &&
    isWellTimed &&
    (key === undefined || typeof key === 'string') &&
    (isJsonObject(properties) || (properties === undefined && kind === 'track')) &&
    Object.entries(properties ?? {}).every(([name, value]) => isPropertyKey(name, kind) && isPropertyValue(value))
  );
}

function isAboutSomebody(kind: string, { account_id: accountId, identity, user_id: userId }: JsonObject): boolean {
  if (kind === 'addAccountProperties') return isText(accountId, maxIdLength);
  return identity === undefined ? isUserId(userId) : isText(identity, maxIdLength);
}

/** `id` is reserved among user properties, whatever its case (https://developers.heap.io/reference/add-user-properties). */
function isPropertyKey(name: string, kind: string): boolean {
  return name.length <= maxPropertyLength && (kind !== 'addUserProperties' || name.toLowerCase() !== 'id');
}

/** ISO 8601 as Heap documents it, with a time and a zone; other ways to write a time are passed on as they are too. */
function isIsoTime(text: string): boolean {
  return /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?(Z|[+-]\d\d:?\d\d)$/.test(text) && !Number.isNaN(Date.parse(text));
}

function isUserId(value: Json | undefined): boolean {
  return typeof value === 'string' && isHeapUserId(value);
}

function isText(value: Json | undefined, maxLength: number): boolean {
  return typeof value === 'string' && value.trim() !== '' && value.length <= maxLength;
}

/** Strings and numbers are documented; booleans, nulls and lists arrive in production and are not refused. */
function isPropertyValue(value: Json): boolean {
  if (isJsonArray(value)) return value.every((element) => !isContainer(element) && !isTooLong(element));
  return !isContainer(value) && !isTooLong(value);
}

function isTooLong(value: Json): boolean {
  return typeof value === 'string' && value.length > maxPropertyLength;
}

function isContainer(value: Json): boolean {
  return typeof value === 'object' && value !== null;
}
