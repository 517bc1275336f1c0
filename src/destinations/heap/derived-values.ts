import type { Adjustments } from '../../core/adjustments.js';
import { eventTime } from '../../core/event/event-time.js';
import type { Json, JsonObject } from '../../core/json/json.js';
import type { Derive } from '../../core/mapping/compile-mapping.js';
import { MappingFault } from '../../core/mapping/mapping-fault.js';
import { compilePath } from '../../core/mapping/path.js';
import { idReader, usable, type CandidateId, type ReadId } from './candidate-id.js';
import type { HeapSettings } from './connection.js';
import { isHeapUserId, userIdOfAnonymousId } from './user-id.js';

/** Where the user's id may stand, besides `userId` itself. */
const userIdPaths = [['userId'], ['traits', 'userId'], ['context', 'traits', 'userId']].map(compilePath);

/** The traits of a group event are the account's. */
const memberIdPaths = [['userId'], ['context', 'traits', 'userId']].map(compilePath);
const anonymousIdPath = compilePath(['anonymousId']);
const previousIdPath = compilePath(['previousId']);
const groupIdPath = compilePath(['groupId']);
const messageIdPath = compilePath(['messageId']);

/**
 * The values that Heap mappings may name under `derived`:
 *
 * - `identity`: the user's id as text, trimmed, or nothing. A placeholder is passed over when the event also names an
 *   anonymous visitor and only reports what happened; an event that is about the user's identity itself is rejected.
 * - `anonymousUserId`: the Heap user_id of the anonymous visitor, by the connection's policy.
 * - `previousUserId`: the same of `previousId`, or of `anonymousId` without a usable one (alias).
 * - `accountId`: the groupId as text.
 * - `eventTime`: ISO 8601 in UTC.
 * - `idempotencyKey`: the messageId.
 */
export function derivedValues(settings: HeapSettings): Readonly<Record<string, Derive>> {
  const readId = idReader(settings.placeholderIdentities);
  const readMessageId = idReader(settings.placeholderIdentities);
  const toUserId = userIdPolicy(settings);
  return {
    identity: compileIdentity(settings, readId),
    anonymousUserId: (source) => toUserId(readId(anonymousIdPath(source)), 'anonymousId'),
    previousUserId: (source, adjustments) => {
      const previous = readId(previousIdPath(source));
      // Somebody who was called the same before: nothing changes hands.
      if (previous !== undefined && previous.text === firstId(source, readId)?.text) {
        return new MappingFault('nothing_to_send');
      }
      if (previous !== undefined && previous.fault !== 'placeholder') return toUserId(previous, 'previousId');
      const visitor = toUserId(readId(anonymousIdPath(source)), 'anonymousId');
      if (previous !== undefined && typeof visitor === 'string') adjustments.note('placeholder_ignored', 'previousId');
      return visitor;
    },
    accountId: (source) => accountId(readId(groupIdPath(source))),
    eventTime,
    idempotencyKey: (source, adjustments) => idempotencyKey(messageIdPath(source), readMessageId, adjustments),
  };
}

function compileIdentity(settings: HeapSettings, readId: ReadId): Derive {
  return (source, adjustments) => {
    const user = firstId(source, readId);
    if (user !== undefined && user.fault !== 'placeholder') return usable(user, 'identity', 'userId');

    const visitor = readId(anonymousIdPath(source));
    const hasVisitor = visitor !== undefined && visitor.fault === undefined;
    if (user !== undefined) {
      if (!hasVisitor || isAboutIdentity(source)) {
        return new MappingFault('identity_placeholder', `the user id "${user.text}" is a placeholder`);
      }
      adjustments.note('placeholder_ignored', 'userId');
    }
    // An alias without a user says nothing, whatever visitors become.
    if (settings.anonymousIdentity !== 'identity' || visitor === undefined || source.type === 'alias') return undefined;
    return visitor.fault === 'placeholder' ? undefined : usable(visitor, 'identity', 'anonymousId');
  };
}

/** The Heap user_id that the connection's policy makes of a visitor's id. */
function userIdPolicy(
  settings: HeapSettings,
): (id: CandidateId | undefined, field: string) => Json | undefined | MappingFault {
  return (id, field) => {
    if (id === undefined || id.fault === 'placeholder') return undefined;
    if (id.fault === 'invalid') return usable(id, 'identity', field);
    switch (settings.anonymousIdentity) {
      case 'hash':
        // However long: what is sent is the hash.
        return userIdOfAnonymousId(id.text);
      case 'heapUserId':
        return isHeapUserId(id.text)
          ? String(BigInt(id.text))
          : new MappingFault('identity_missing', `${field} is no Heap user_id, and the connection takes no other`);
      case 'reject':
        return new MappingFault('identity_missing', 'the connection takes no anonymous visitors');
      case 'identity':
        return undefined;
    }
  };
}

/** The first id that is no placeholder; a placeholder when there is nothing else. */
function firstId(source: JsonObject, readId: ReadId): CandidateId | undefined {
  let placeholder: CandidateId | undefined;
  for (const read of source.type === 'group' ? memberIdPaths : userIdPaths) {
    const id = readId(read(source));
    if (id === undefined) continue;
    if (id.fault !== 'placeholder') return id;
    placeholder ??= id;
  }
  return placeholder;
}

/** Events that say who somebody is: there, a made-up identity would do lasting harm. */
function isAboutIdentity(source: JsonObject): boolean {
  const type = source.type;
  return type === 'identify' || type === 'alias' || type === 'group';
}

function accountId(id: CandidateId | undefined): Json | undefined | MappingFault {
  return id === undefined ? undefined : usable(id, 'account_id', 'groupId');
}

/** Blank, made up or not a number: such a key would make one event of all that have it. */
function idempotencyKey(messageId: Json | undefined, readId: ReadId, adjustments: Adjustments): Json | undefined {
  const id = readId(messageId);
  const isLostNumber = typeof messageId === 'number' && id?.fault !== undefined;
  const isBlank = id?.fault === 'invalid' && id.text.replaceAll('\0', '').trim() === '';
  if (id === undefined || id.fault === 'placeholder' || isLostNumber || isBlank) {
    adjustments.note('idempotency_key_missing', 'messageId');
    return undefined;
  }
  return typeof messageId === 'string' ? messageId : id.text;
}
