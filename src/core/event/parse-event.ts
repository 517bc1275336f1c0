import { lazyValidator } from '../config/lazy-validator.js';
import { inspectJson, type ShapeLimits } from '../json/inspect.js';
import { isJsonObject, type Json } from '../json/json.js';
import type { RejectionReason } from '../reasons.js';
import type { Event } from './event.js';

export type ParsedEvent =
  | { readonly ok: true; readonly event: Event }
  | { readonly ok: false; readonly reason: RejectionReason; readonly detail: string };

/**
 * Bounds on one event. They are far above what SDKs send (Segment caps an event at 32 KB) and keep one hostile event
 * from costing what thousands of good ones do.
 */
export const defaultShapeLimits: ShapeLimits = { maxKeys: 2_000, maxDepth: 64 };

// 1e400 parses to Infinity: what to make of it is decided field by field, not here.
const schema = lazyValidator<Event>(new URL('./event.schema.json', import.meta.url), {
  allowUnionTypes: true,
  strictNumbers: false,
});

/**
 * Checks that a parsed JSON value is an event that can be mapped. Total: answers every JSON value, throws for none,
 * changes none. `event` is the value itself, or a shallow copy where `type` had to be spelled in lower case.
 */
export function parseEvent(value: Json, limits: ShapeLimits = defaultShapeLimits): ParsedEvent {
  if (!isJsonObject(value)) return rejected('event_not_object', `expected a JSON object, got ${kindOf(value)}`);
  const context = value.context;
  const fault =
    shapeFault(value.properties, 1, limits) ??
    shapeFault(value.traits, 1, limits) ??
    (isJsonObject(context) ? shapeFault(context.traits, 2, limits) : undefined);
  if (fault !== undefined) return fault;

  const event = withPlainType(value);
  if (schema.isValid(event)) return { ok: true, event };

  const type = value.type;
  if (type === undefined || type === null || type === '') return rejected('type_missing', 'the event has no "type"');
  const error = schema.errors?.[0];
  const field = error?.instancePath.slice(1) ?? '';
  if (field === 'type') {
    return typeof type === 'string'
      ? rejected('type_unsupported', `"${type.slice(0, 40)}" is none of track, identify, page, screen, group, alias`)
      : rejected('field_type_invalid', `"type" must be a string, got ${kindOf(type)}`);
  }
  return rejected('field_type_invalid', `"${field}" ${error?.message ?? 'is invalid'}, got ${kindOf(value[field])}`);
}

/** Only what the presets take whole is counted: the rest of an event is read by its paths and costs nothing. */
function shapeFault(part: Json | undefined, level: number, limits: ShapeLimits): ParsedEvent | undefined {
  if (typeof part !== 'object' || part === null) return undefined;
  const { keys, depth } = inspectJson(part, { maxKeys: limits.maxKeys, maxDepth: limits.maxDepth - level });
  if (depth + level > limits.maxDepth)
    return rejected('nested_too_deep', `nested deeper than ${limits.maxDepth} levels`);
  if (keys > limits.maxKeys) return rejected('too_many_keys', `more than ${limits.maxKeys} keys`);
  return undefined;
}

/**
 * rudder-server compares types trimmed and in lower case, so "TRACK" is an event that a CDP lets through; the copy is
 * made for such rare spellings only.
 */
function withPlainType(value: Exclude<Json, string | number | boolean | null | readonly Json[]>): Json {
  const type = value.type;
  if (typeof type !== 'string' || type.length > 20) return value;
  const plain = type.trim().toLowerCase();
  return plain === type ? value : { ...value, type: plain };
}

function rejected(reason: RejectionReason, detail: string): ParsedEvent {
  return { ok: false, reason, detail };
}

function kindOf(value: Json | undefined): string {
  if (value === null) return 'null';
  if (Array.isArray(value)) return 'an array';
  if (typeof value === 'object') return 'an object';
  if (value === undefined) return 'nothing';
  return `a ${typeof value}`;
}
