import { readFileSync } from 'node:fs';

import { Ajv2020 } from 'ajv/dist/2020.js';

import { inspectJson, type ShapeLimits } from '../json/inspect.js';
import { isJsonObject, type Json } from '../json/json.js';
import type { RejectionReason } from '../reasons.js';
import type { Event } from './event.js';

export type ParsedEvent =
  | { readonly ok: true; readonly event: Event; readonly keys: number }
  | { readonly ok: false; readonly reason: RejectionReason; readonly detail: string };

/**
 * Bounds on one event. They are far above what SDKs send (Segment caps an event at 32 KB) and keep one hostile event
 * from costing what thousands of good ones do.
 */
export const defaultShapeLimits: ShapeLimits = { maxKeys: 2_000, maxDepth: 64 };

const schema = JSON.parse(readFileSync(new URL('./event.schema.json', import.meta.url), 'utf8')) as object;
const validate = new Ajv2020({ allowUnionTypes: true }).compile<Event>(schema);

/**
 * Checks that a parsed JSON value is an event that can be mapped. Total: answers every JSON value, throws for none,
 * changes none. `event` is the value itself, or a shallow copy where `type` had to be spelled in lower case.
 */
export function parseEvent(value: Json, limits: ShapeLimits = defaultShapeLimits): ParsedEvent {
  if (!isJsonObject(value)) return rejected('event_not_object', `expected a JSON object, got ${kindOf(value)}`);
  const shape = inspectJson(value, limits);
  if (shape.depth > limits.maxDepth) {
    return rejected('nested_too_deep', `nested deeper than ${limits.maxDepth} levels`);
  }
  if (shape.keys > limits.maxKeys) return rejected('too_many_keys', `more than ${limits.maxKeys} keys`);

  const event = withPlainType(value);
  if (validate(event)) return { ok: true, event, keys: shape.keys };

  const type = value.type;
  if (type === undefined || type === null || type === '') return rejected('type_missing', 'the event has no "type"');
  const fault = validate.errors?.[0];
  const field = fault?.instancePath.slice(1) ?? '';
  if (field === 'type') {
    return typeof type === 'string'
      ? rejected('type_unsupported', `"${type.slice(0, 40)}" is none of track, identify, page, screen, group, alias`)
      : rejected('field_type_invalid', `"type" must be a string, got ${kindOf(type)}`);
  }
  return rejected('field_type_invalid', `"${field}" ${fault?.message ?? 'is invalid'}, got ${kindOf(value[field])}`);
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
