import { readFileSync } from 'node:fs';

import { Adjustments } from '../../core/adjustments.js';
import type { LaneTarget, Operation } from '../../core/batching/operation.js';
import type { CompiledConnection, EventFault } from '../../core/compiled-connection.js';
import type { Event, EventType } from '../../core/event/event.js';
import { parseEvent, type ParsedEvent } from '../../core/event/parse-event.js';
import { inspectJson, type ShapeLimits } from '../../core/json/inspect.js';
import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { scriptText } from '../../core/json/script-text.js';
import { hashText } from '../../core/mapping/conversions/hash.js';
import { compileMapping, type CompiledMapping } from '../../core/mapping/compile-mapping.js';
import type { Mapping } from '../../core/mapping/mapping.js';
import { MappingFault } from '../../core/mapping/mapping-fault.js';
import { extendMapping } from '../../core/mapping/read-mapping.js';
import { reasons, type DropReason, type RejectionReason } from '../../core/reasons.js';
import type { TransformResult } from '../../core/transform-result.js';
import { idReader } from './candidate-id.js';
import type { HeapConnection, PresetName, Region } from './connection.js';
import { derivedValues } from './derived-values.js';
import { compileItemRules, type FinishOperation } from './item-rules.js';
import { toOperation } from './to-operation.js';
import { operationFields, type OperationKind } from './operation-kind.js';

/**
 * Compiles a connection: its mapping is read, laid over its preset and turned into closures once.
 *
 * @param faults receives one sentence for everything that is wrong with the mapping; what is returned is then not to be
 *   used.
 */
export function compileConnection(connection: HeapConnection, faults: string[]): CompiledConnection {
  const lane = laneTarget(connection.region, connection.appId);
  const mapping = compileMapping(
    resolveMapping(connection, faults),
    {
      operations: operationFields,
      derived: derivedValues(connection.settings),
      settings: { accountIdProperty: connection.settings.accountIdProperty },
      flatten: {
        objects: connection.settings.nestedObjects,
        arrays: connection.settings.arrays,
        joinWith: connection.settings.joinWith,
      },
    },
    faults,
  );
  const checks =
    connection.preset === 'rudderstack'
      ? peerChecks(mapping)
      : { parse: parseEvent, finish: compileItemRules(connection.settings) };
  return {
    id: connection.id,
    lane,
    transform: (value) => transform(value, mapping, lane, checks),
    eventKey: eventKeys(connection),
    check: (value) => {
      const parsed = checks.parse(value);
      if (!parsed.ok) return { reason: parsed.reason, detail: parsed.detail };
      return mapping[parsed.event.type] === undefined ? unsupported(parsed.event.type) : undefined;
    },
  };
}

/** Ids of this length are kept as they are; longer ones, which no SDK makes, by their hash. */
const maxKeptId = 128;

/** Events with the same messageId are one event, as CDPs agree; an identify and a track are two all the same. */
function eventKeys({ settings }: HeapConnection): CompiledConnection['eventKey'] {
  const readMessageId = idReader(settings.placeholderIdentities);
  return (event) => {
    if (!isJsonObject(event) || typeof event.type !== 'string') return '';
    const id = readMessageId(event.messageId);
    if (id === undefined || id.fault === 'placeholder' || id.fault === 'invalid') return '';
    return `${event.type} ${id.text.length > maxKeptId ? hashText('sha256', id.text) : id.text}`;
  };
}

function unsupported(type: string): EventFault {
  return { reason: 'type_unsupported', detail: `no operation for type "${type}"` };
}

/** The lane of a Heap environment. */
export function laneTarget(region: Region, appId: string): LaneTarget {
  return { key: `${region}:${appId}`, region, appId };
}

/** What a preset asks of an event before it is mapped, and of an operation after. */
interface PresetChecks {
  readonly parse: (value: Json) => ParsedEvent;
  readonly finish: FinishOperation;
}

function peerChecks(mapping: CompiledMapping): PresetChecks {
  return {
    parse: (value) => parseLikeRudderStack(value, mapping),
    finish: (lane, kind, fields) => toOperation(lane, kind, fields, JSON.stringify(fields)),
  };
}

function transform(value: Json, mapping: CompiledMapping, lane: LaneTarget, checks: PresetChecks): TransformResult {
  const parsed = checks.parse(value);
  if (!parsed.ok) return { outcome: 'rejected', reason: parsed.reason, detail: parsed.detail };
  const map = mapping[parsed.event.type];
  if (map === undefined) return { outcome: 'rejected', ...unsupported(parsed.event.type) };
  const adjustments = new Adjustments();
  const mapped = map(parsed.event, adjustments);
  if (mapped instanceof MappingFault) return unmapped(mapped);

  const operations: Operation[] = [];
  for (const { kind, fields } of mapped) {
    const own = operations.length === 0 ? fields : withOwnKey(fields, kind, operations);
    const operation = checks.finish(lane, kind as OperationKind, own, adjustments);
    if (operation instanceof MappingFault) return unmapped(operation);
    if (operation !== undefined) operations.push(operation);
  }
  if (operations.length === 0) return { outcome: 'dropped', reason: 'nothing_to_send' };
  return { outcome: 'mapped', operations, adjustments };
}

/** Heap takes a track with a known idempotency key for a repeat: the second one of an event needs another. */
function withOwnKey(fields: JsonObject, kind: string, earlier: readonly Operation[]): JsonObject {
  const tracks = kind === 'track' ? earlier.filter((operation) => operation.kind === 'track').length : 0;
  const key = fields.idempotency_key;
  return tracks === 0 || typeof key !== 'string' ? fields : { ...fields, idempotency_key: `${key}#${tracks + 1}` };
}

function unmapped({ reason, detail }: MappingFault): TransformResult {
  return isDropReason(reason)
    ? { outcome: 'dropped', reason }
    : { outcome: 'rejected', reason, detail: detail === '' ? reasons[reason].summary : detail };
}

function isDropReason(reason: RejectionReason | DropReason): reason is DropReason {
  return reasons[reason].group === 'dropped';
}

/**
 * The peer has no bounds; these only keep one hostile event from taking the process down, far above what its sender's
 * own gateway (4 MB) lets through in earnest.
 */
export const peerShapeLimits: ShapeLimits = { maxKeys: 100_000, maxDepth: 500 };

/**
 * The peer checks nothing but the type. It compares it exactly, while rudder-server's own filter in front of it trims it
 * and ignores its case, so that "TRACK" passes the one and is aborted by the other: here it is read as the filter does.
 */
function parseLikeRudderStack(value: Json, mapping: CompiledMapping): ParsedEvent {
  if (!isJsonObject(value)) return { ok: false, reason: 'event_not_object', detail: 'expected a JSON object' };
  const { keys, depth } = inspectJson(value, peerShapeLimits);
  if (depth > peerShapeLimits.maxDepth) return { ok: false, reason: 'nested_too_deep', detail: '' };
  if (keys > peerShapeLimits.maxKeys) return { ok: false, reason: 'too_many_keys', detail: '' };
  const given = value.type;
  if (!given) return { ok: false, reason: 'type_missing', detail: 'message Type is not present. Aborting message.' };
  const type = typeof given === 'string' ? given.trim().toLowerCase() : '';
  if (!Object.hasOwn(mapping, type)) {
    return { ok: false, reason: 'type_unsupported', detail: `message type ${scriptText(given)} is not supported` };
  }
  return { ok: true, event: (type === given ? value : { ...value, type: type as EventType }) as Event };
}

function resolveMapping(connection: HeapConnection, faults: string[]): Mapping {
  const own = connection.mapping;
  if (own === undefined) return presets[connection.preset];
  if (own.extends === undefined) return own;
  if (own.extends === connection.preset) return extendMapping(presets[connection.preset], own, faults);
  faults.push(
    own.extends in presets
      ? `extends "${own.extends}" but the connection's preset is "${connection.preset}"; make them the same`
      : `extends "${own.extends}" is no preset; it may be ${Object.keys(presets).join(' or ')}`,
  );
  return own;
}

const presets: Readonly<Record<PresetName, Mapping>> = {
  heap: readPreset('heap'),
  rudderstack: readPreset('rudderstack'),
};

/** Part of this package, so that it is the tests that hold it to the schema. */
function readPreset(name: PresetName): Mapping {
  return JSON.parse(readFileSync(new URL(`./mapping/${name}.json`, import.meta.url), 'utf8')) as Mapping;
}
