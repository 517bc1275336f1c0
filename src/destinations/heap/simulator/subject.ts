import { readIdentity, readUserId } from './field-rules.js';
import { isGiven, type JsonObject } from './json-object.js';
import { Problem } from './problem.js';

/**
 * Whom an event or a write names. `email` exists on the integrations endpoints only. `key` tells all subjects of an
 * app_id apart in one string.
 */
export interface Subject {
  readonly kind: 'identity' | 'userId' | 'email';
  readonly value: string;
  readonly key: string;
}

export function subjectOf(kind: Subject['kind'], value: string): Subject {
  return { kind, value, key: `${kind}:${value}` };
}

/** Exactly one of `identity` and `user_id` (https://developers.heap.io/reference/track-1). */
export function readSubject(item: JsonObject): Subject | Problem {
  const byIdentity = isGiven(item.identity);
  const byUserId = isGiven(item.user_id);
  if (byIdentity && byUserId) return new Problem('identity', 'cannot be given together with user_id');
  if (!byIdentity && !byUserId) return new Problem('identity', 'one of identity and user_id is required');
  const value = byIdentity ? readIdentity(item) : readUserId(item);
  return value instanceof Problem ? value : subjectOf(byIdentity ? 'identity' : 'userId', value);
}
