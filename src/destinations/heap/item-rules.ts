import type { Adjustments } from '../../core/adjustments.js';
import type { LaneTarget, Operation } from '../../core/batching/operation.js';
import { isJsonObject, type Json, type JsonObject, type MutableJsonObject } from '../../core/json/json.js';
import { toText } from '../../core/mapping/conversions/text.js';
import { MappingFault } from '../../core/mapping/mapping-fault.js';
import { idReader, usable, type ReadId } from './candidate-id.js';
import type { HeapSettings } from './connection.js';
import { toOperation } from './to-operation.js';
import { itemText } from './limits.js';
import type { OperationKind } from './operation-kind.js';
import { propertiesText } from './property-limits.js';
import { isHeapUserId } from './user-id.js';

/** What becomes of the fields that a mapping made: an operation, nothing, or a fault of the event. */
export type FinishOperation = (
  lane: LaneTarget,
  kind: OperationKind,
  fields: JsonObject,
  adjustments: Adjustments,
) => Operation | undefined | MappingFault;

/**
 * Heap's rules for whole items, whatever mapping made them: ids are usable text, a track has a name and exactly one
 * subject, properties are within Heap's limits, a property write writes something.
 */
export function compileItemRules(settings: HeapSettings): FinishOperation {
  const readId = idReader(settings.placeholderIdentities);
  return (lane, kind, fields, adjustments) => {
    const named = kind === 'track' ? withName(fields, adjustments) : fields;
    if (named instanceof MappingFault) return named;
    const identified = withIds(kind, named, readId);
    if (identified instanceof MappingFault) return identified;
    const { properties } = identified;
    const text = isJsonObject(properties) ? propertiesText(kind, properties, settings, adjustments) : undefined;
    const writesNothing = text === undefined || text === '{}';
    if (writesNothing && (kind === 'addUserProperties' || kind === 'addAccountProperties')) return undefined;
    return toOperation(lane, kind, identified, itemText(identified, text, adjustments));
  };
}

function withName(fields: JsonObject, adjustments: Adjustments): JsonObject | MappingFault {
  const { event } = fields;
  if (typeof event === 'string' && event.trim() !== '' && !event.includes('\0')) return fields;
  const text = event === undefined ? '' : (toText(event) ?? '');
  const name = text.replaceAll('\0', '').trim();
  if (name === '') return new MappingFault('event_name_missing');
  if (text.includes('\0')) adjustments.note('nul_removed', 'event');
  return { ...fields, event: name };
}

/** Which ids an operation of each kind needs. */
function withIds(kind: OperationKind, fields: JsonObject, readId: ReadId): JsonObject | MappingFault {
  switch (kind) {
    case 'track':
      return fields.identity === undefined ? withUserId(fields) : withoutUserId(withIdentity(fields, readId));
    case 'identify': {
      const identified = withIdentity(fields, readId);
      return identified instanceof MappingFault ? identified : withUserId(identified);
    }
    case 'addUserProperties':
      return withIdentity(fields, readId);
    case 'addAccountProperties':
      return withId(fields, 'account_id', 'account_id', readId);
  }
}

function withIdentity(fields: JsonObject, readId: ReadId): JsonObject | MappingFault {
  return withId(fields, 'identity', 'identity', readId);
}

function withId(
  fields: JsonObject,
  key: string,
  what: 'identity' | 'account_id',
  readId: ReadId,
): JsonObject | MappingFault {
  const value = fields[key];
  const id = readId(value);
  if (id === undefined) return new MappingFault(`${what}_missing`);
  const text = usable(id, what, key);
  if (text instanceof MappingFault) return text;
  return text === value ? fields : { ...fields, [key]: text };
}

function withUserId(fields: JsonObject): JsonObject | MappingFault {
  const value: Json | undefined = fields.user_id;
  if (value === undefined) return new MappingFault('identity_missing');
  const text = typeof value === 'number' && Number.isSafeInteger(value) ? String(value) : value;
  if (typeof text !== 'string' || !isHeapUserId(text)) {
    return new MappingFault('identity_invalid', 'user_id is no decimal from 0 to 2^53 - 1');
  }
  return text === value ? fields : { ...fields, user_id: text };
}

/** Heap takes exactly one of the two. */
function withoutUserId(fields: JsonObject | MappingFault): JsonObject | MappingFault {
  if (fields instanceof MappingFault || fields.user_id === undefined) return fields;
  const { user_id: _userId, ...rest } = fields;
  return rest satisfies MutableJsonObject;
}
