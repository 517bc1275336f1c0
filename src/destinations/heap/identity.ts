import type { Adjustments } from '../../core/adjustments.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import { eventTime } from '../../core/event/event-time.js';
import type { Json, JsonObject } from '../../core/json/json.js';
import type { Derive } from '../../core/mapping/compile-mapping.js';
import { MappingFault } from '../../core/mapping/mapping-fault.js';
import { compilePath } from '../../core/mapping/path.js';
import type { HeapSettings } from './connection.js';
import { isHeapUserId, userIdOfAnonymousId } from './user-id.js';

/** Heap's limit for an identity (https://developers.heap.io/reference/track-1), kept for account ids too. */
export const maxIdentityLength = 255;

/** Where the user's id may stand, besides `userId` itself. */
const userIdPaths = [['userId'], ['traits', 'userId'], ['context', 'traits', 'userId']].map(compilePath);
const anonymousIdPath = compilePath(['anonymousId']);
const previousIdPath = compilePath(['previousId']);
const groupIdPath = compilePath(['groupId']);
const messageIdPath = compilePath(['messageId']);

/** An id as text, and what keeps it from being used. */
interface CandidateId {
  readonly text: string;
  readonly fault: 'placeholder' | 'too_long' | 'invalid' | undefined;
}

/**
 * The values that Heap mappings may name under `derived`:
 *
 * - `identity`: the user's id as text, trimmed, or nothing. A placeholder is passed over when the event also names an
 *   anonymous visitor and only reports what happened; an event that is about the user's identity itself is rejected.
 * - `anonymousUserId`: the Heap user_id of the anonymous visitor, by the connection's policy.
 * - `previousUserId`: the same of `previousId`, or of `anonymousId` without one (alias).
 * - `accountId`: the groupId as text.
 * - `eventTime`: ISO 8601 in UTC.
 * - `idempotencyKey`: the messageId.
 */
export function derivedValues(settings: HeapSettings): Readonly<Record<string, Derive>> {
  const placeholders = new Set(settings.placeholderIdentities.map((text) => text.trim().toLowerCase()));
  const idOf = (value: Json | undefined): CandidateId | undefined => candidate(value, placeholders);

  const anonymousUserId = (id: CandidateId | undefined): Json | undefined | MappingFault => {
    if (id === undefined || id.fault === 'placeholder') return undefined;
    if (id.fault !== undefined) return unusable('identity', 'anonymousId', id.fault);
    switch (settings.anonymousIdentity) {
      case 'hash':
        return userIdOfAnonymousId(id.text);
      case 'heapUserId':
        return isHeapUserId(id.text) ? String(BigInt(id.text)) : undefined;
      case 'identity':
      case 'reject':
        return undefined;
    }
  };

  const identity: Derive = (source, adjustments) => {
    const user = firstId(source, idOf);
    if (user === undefined || user.fault === 'placeholder') {
      const visitor = idOf(anonymousIdPath(source));
      const hasVisitor = visitor !== undefined && visitor.fault === undefined;
      if (user !== undefined) {
        if (!hasVisitor || isAboutIdentity(source))
          return new MappingFault('identity_placeholder', `the user id "${user.text}" is a placeholder`);
        adjustments.note('placeholder_ignored', 'userId');
      }
      const becomesIdentity = hasVisitor && settings.anonymousIdentity === 'identity' && !isAboutIdentity(source);
      return becomesIdentity ? visitor.text : undefined;
    }
    return user.fault === undefined ? user.text : unusable('identity', 'userId', user.fault);
  };

  return {
    identity,
    anonymousUserId: (source) => anonymousUserId(idOf(anonymousIdPath(source))),
    previousUserId: (source) => anonymousUserId(idOf(previousIdPath(source)) ?? idOf(anonymousIdPath(source))),
    accountId: (source) => accountId(idOf(groupIdPath(source))),
    eventTime: eventTimeIso,
    idempotencyKey,
  };
}

function firstId(
  source: JsonObject,
  idOf: (value: Json | undefined) => CandidateId | undefined,
): CandidateId | undefined {
  for (const read of userIdPaths) {
    const id = idOf(read(source));
    if (id !== undefined) return id;
  }
  return undefined;
}

/** Events that say who somebody is: there, a made-up identity would do lasting harm. */
function isAboutIdentity(source: JsonObject): boolean {
  const type = source.type;
  return type === 'identify' || type === 'alias' || type === 'group';
}

function candidate(value: Json | undefined, placeholders: ReadonlySet<string>): CandidateId | undefined {
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  if (text === '') return undefined;
  if (text.length > maxIdentityLength) return { text, fault: 'too_long' };
  // Both would be stored as something else than what was sent, and two people could become one.
  if (!text.isWellFormed() || text.includes('\0')) return { text, fault: 'invalid' };
  return { text, fault: placeholders.has(text.toLowerCase()) ? 'placeholder' : undefined };
}

function unusable(what: 'identity' | 'account_id', field: string, fault: 'too_long' | 'invalid'): MappingFault {
  return new MappingFault(
    `${what}_${fault}`,
    fault === 'too_long'
      ? `${field} has more than ${maxIdentityLength} characters`
      : `${field} has NUL characters or half surrogate pairs`,
  );
}

function accountId(id: CandidateId | undefined): Json | undefined | MappingFault {
  if (id === undefined || id.fault === 'placeholder') return undefined;
  return id.fault === undefined ? id.text : unusable('account_id', 'groupId', id.fault);
}

const eventTimeIso: Derive = (source, adjustments) => {
  const time = eventTime(source, adjustments);
  return time === undefined ? undefined : toIsoUtc(time);
};

const idempotencyKey: Derive = (source, adjustments: Adjustments) => {
  const messageId = messageIdPath(source);
  if ((typeof messageId === 'string' && messageId !== '') || typeof messageId === 'number') return String(messageId);
  adjustments.note('idempotency_key_missing', 'messageId');
  return undefined;
};
