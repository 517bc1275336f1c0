import { isEpochMs, parseIsoTimestamp } from './iso-timestamp.js';
import { isGiven, type JsonObject } from './json-object.js';
import { Problem } from './problem.js';

/** https://developers.heap.io/reference/track-1: the name of an event has at most 1024 characters. */
export const maxEventName = 1024;
/** https://developers.heap.io/reference/track-1: an identity has at most 255 characters. */
export const maxIdentity = 255;

/**
 * The environment ID. A malformed one is answered 400; a well-formed one that no project has is accepted silently by
 * Heap, so every number is valid here. The account schema types it as an integer, all the others as a string
 * (https://developers.heap.io/reference/add-account-properties): both are accepted everywhere.
 */
export function readAppId(body: JsonObject): string | Problem {
  const value = body.app_id;
  if (typeof value === 'string' && /^\d+$/.test(value)) return value;
  if (typeof value === 'number' && Number.isSafeInteger(value) && value >= 0) return String(value);
  return new Problem('app_id', 'must be an environment ID: a string of decimal digits');
}

export function readEventName(item: JsonObject): string | Problem {
  const value = item.event;
  if (typeof value !== 'string' || value === '') return new Problem('event', 'must be a non-empty string');
  if (value.length > maxEventName) return new Problem('event', `must have at most ${maxEventName} characters`);
  return value;
}

export function readIdentity(item: JsonObject): string | Problem {
  const value = item.identity;
  if (typeof value !== 'string' || value === '') return new Problem('identity', 'must be a non-empty string');
  if (value.length > maxIdentity) return new Problem('identity', `must have at most ${maxIdentity} characters`);
  return value;
}

/**
 * A Heap SDK's anonymous id, 0 to 2^53 - 1 (https://developers.heap.io/reference/identify-1), as canonical decimal
 * text. The pages ask for a string; the deletion page's own example, and older clients, send a number.
 */
export function readUserId(item: JsonObject): string | Problem {
  const value = item.user_id;
  const number = typeof value === 'string' && /^\d+$/.test(value) ? Number(value) : value;
  if (typeof number === 'number' && Number.isSafeInteger(number) && number >= 0) return String(number);
  return new Problem('user_id', 'must be a decimal number from 0 to 2^53 - 1');
}

/**
 * Epoch milliseconds of `timestamp`, or undefined when it is not given. Heap documents ISO 8601 strings only; clients
 * in production also send epoch milliseconds as a number and are not refused.
 */
export function readTimestamp(item: JsonObject): number | undefined | Problem {
  const value = item.timestamp;
  if (value === undefined || value === null) return undefined;
  if (typeof value === 'number' && isEpochMs(value)) return value;
  const time = typeof value === 'string' ? parseIsoTimestamp(value) : undefined;
  return time ?? new Problem('timestamp', 'must be an ISO 8601 date');
}

export function readOptionalString(item: JsonObject, field: string): string | undefined | Problem {
  const value = item[field];
  if (!isGiven(value)) return undefined;
  return typeof value === 'string' ? value : new Problem(field, 'must be a string');
}

export function readRequiredString(item: JsonObject, field: string): string | Problem {
  const value = item[field];
  return typeof value === 'string' && value !== '' ? value : new Problem(field, 'must be a non-empty string');
}
