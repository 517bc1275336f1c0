import type { Adjustments } from '../adjustments.js';
import { eventTypes, type EventType } from '../event/event.js';
import { isEmptyJson, type Json, type JsonObject, type MutableJsonObject } from '../json/json.js';
import { reasons } from '../reasons.js';
import { compileConversion, type CompiledConversion } from './compile-conversion.js';
import { compileTemplate } from './compile-template.js';
import { truncateText } from './conversions/text.js';
import type { FlattenOptions, Mapping, MappingRule, OperationMapping } from './mapping.js';
import { compileSetter, ownsContainer } from './compile-setter.js';
import { MappingFault } from './mapping-fault.js';
import { compilePath, compileRichPath, parsePath, type PathReader } from './path.js';

/** A value that the destination works out for an event: the value, nothing, or why the event can't have one. */
export type Derive = (source: JsonObject, adjustments: Adjustments) => Json | undefined | MappingFault;

/** What a mapping may refer to; supplied by the destination. */
export interface MappingEnvironment {
  /** The fields that each kind of operation takes. */
  readonly operations: Readonly<Record<string, readonly string[] | 'any'>>;
  readonly derived: Readonly<Record<string, Derive>>;
  /** Texts that `${name}` in a destKey stands for. */
  readonly settings: Readonly<Record<string, string>>;
  readonly flatten: FlattenOptions;
}

export interface MappedOperation {
  readonly kind: string;
  readonly fields: MutableJsonObject;
}

/** The operations of one event, or why it has none. */
export type MappedEvent = readonly MappedOperation[] | MappingFault;

export type CompiledMapping = Partial<Record<EventType, (source: JsonObject, adjustments: Adjustments) => MappedEvent>>;

/**
 * Compiles a mapping into one closure per event type; no path is parsed and no rule is looked up per event.
 *
 * @param faults receives one sentence for everything that is wrong, with its place in the mapping.
 */
export function compileMapping(mapping: Mapping, environment: MappingEnvironment, faults: string[]): CompiledMapping {
  const compiled: CompiledMapping = {};
  for (const type of eventTypes) {
    const operations = mapping.events[type];
    if (operations === undefined) continue;
    const compiledOperations = operations.map((operation, index) =>
      compileOperation(operation, environment, `events.${type}[${index}]`, faults),
    );
    compiled[type] = (source, adjustments) => mapEvent(compiledOperations, source, adjustments);
  }
  return compiled;
}

interface CompiledOperation {
  readonly kind: string;
  readonly isOptional: boolean;
  readonly noteSkip: OperationMapping['noteSkip'];
  readonly rules: readonly CompiledRule[];
}

/** Fills one key of the operation, or says why the operation can't be. */
type CompiledRule = (source: JsonObject, out: MutableJsonObject, adjustments: Adjustments) => MappingFault | undefined;

function mapEvent(operations: readonly CompiledOperation[], source: JsonObject, adjustments: Adjustments): MappedEvent {
  const mapped: MappedOperation[] = [];
  let skipped: MappingFault | undefined;
  for (const operation of operations) {
    const fields: MutableJsonObject = {};
    const fault = fill(operation.rules, source, fields, adjustments);
    if (fault === undefined) {
      mapped.push({ kind: operation.kind, fields });
    } else if (operation.isOptional) {
      // A reason that the mapping names outranks the anonymous "there was nothing".
      if (skipped === undefined || skipped.reason === 'nothing_to_send') skipped = fault;
      if (operation.noteSkip !== undefined) adjustments.note(operation.noteSkip);
    } else {
      return fault;
    }
  }
  if (mapped.length > 0) return mapped;
  return skipped ?? new MappingFault('nothing_to_send');
}

function fill(
  rules: readonly CompiledRule[],
  source: JsonObject,
  fields: MutableJsonObject,
  adjustments: Adjustments,
): MappingFault | undefined {
  for (const rule of rules) {
    const fault = rule(source, fields, adjustments);
    if (fault !== undefined) return fault;
  }
  return undefined;
}

function compileOperation(
  operation: OperationMapping,
  environment: MappingEnvironment,
  place: string,
  faults: string[],
): CompiledOperation {
  const { operations } = environment;
  const fields = Object.hasOwn(operations, operation.operation) ? operations[operation.operation] : undefined;
  if (fields === undefined) {
    const known = Object.keys(operations).join(', ');
    faults.push(`${place}.operation: "${operation.operation}" is no operation; it may be ${known}`);
  }
  operation.fields.forEach(({ destKey }, index) => {
    const [field = ''] = destKey.split('.', 1);
    if (fields === undefined || fields === 'any' || fields.includes(field)) return;
    const message = `${operation.operation} has no "${field}"; it takes ${fields.join(', ')}`;
    faults.push(`${place}.fields[${index}].destKey: ${message}`);
  });
  const isOptional = operation.ifMissing === 'skip';
  return {
    kind: operation.operation,
    isOptional,
    noteSkip: operation.noteSkip,
    rules: operation.fields.map((rule, index) =>
      compileRule(
        rule,
        isOptional,
        ownsContainer(operation.fields.slice(0, index), rule.destKey),
        environment,
        `${place}.fields[${index}] (${rule.destKey})`,
        faults,
      ),
    ),
  };
}

function compileRule(
  rule: MappingRule,
  isOptional: boolean,
  ownsIt: boolean,
  environment: MappingEnvironment,
  place: string,
  faults: string[],
): CompiledRule {
  const fail = (message: string): void => {
    faults.push(`${place}: ${message}`);
  };
  const read = compileSource(rule, environment, fail);
  const conversions = compileMetadata(rule, environment);
  const fallback = rule.metadata?.default;
  const missing = missingFault(rule, isOptional, fail);
  const set = compileSetter(rule.destKey, ownsIt, environment.settings, fail);
  const isPassedOver = compileUnless(rule.unless);
  const isTruthyRequired = rule.required === 'truthy';

  return (source, out, adjustments) => {
    if (isPassedOver?.(out) === true) return undefined;
    const found = read(source, adjustments);
    if (found instanceof MappingFault) return found;
    if (isTruthyRequired && !found) return missing;
    let value: Json | undefined = found;
    for (const convert of conversions) {
      if (value === undefined) break;
      const converted = convert(value, adjustments);
      if (converted instanceof MappingFault) return converted;
      value = converted;
    }
    if (value === undefined) value = fallback;
    if (value === undefined) return missing;
    if (missing !== undefined && !isTruthyRequired && isEmptyJson(value)) return missing;
    set(out, value);
    return undefined;
  };
}

function compileUnless(unless: string | undefined): ((out: MutableJsonObject) => boolean) | undefined {
  return unless === undefined ? undefined : (out) => Object.hasOwn(out, unless);
}

/** `undefined` for a rule that need not find anything. */
function missingFault(
  rule: MappingRule,
  isOptional: boolean,
  fail: (message: string) => void,
): MappingFault | undefined {
  if (rule.required === undefined || rule.required === false) return undefined;
  if (rule.reason === undefined) {
    return isOptional
      ? new MappingFault('nothing_to_send')
      : new MappingFault('required_field_missing', `nothing was found for "${rule.destKey}"`);
  }
  const group = Object.hasOwn(reasons, rule.reason) ? reasons[rule.reason].group : undefined;
  if (group !== 'rejected' && group !== 'dropped')
    fail(`reason "${rule.reason}" is not a registered reason for rejecting or dropping an event`);
  return new MappingFault(rule.reason);
}

type Read = (source: JsonObject, adjustments: Adjustments) => Json | undefined | MappingFault;

function compileSource(rule: MappingRule, environment: MappingEnvironment, fail: (message: string) => void): Read {
  const { value, derived, metadata } = rule;
  const given = [rule.sourceKeys, derived, value, metadata?.template].filter((source) => source !== undefined);
  if (given.length !== 1) fail('needs exactly one of sourceKeys, derived, value and metadata.template');

  if (value !== undefined) return () => value;
  if (derived !== undefined) {
    const derive = Object.hasOwn(environment.derived, derived) ? environment.derived[derived] : undefined;
    if (derive !== undefined) return derive;
    fail(`derived "${derived}" is unknown; it may be ${Object.keys(environment.derived).join(', ')}`);
    return () => undefined;
  }
  if (metadata?.template !== undefined) {
    const template = compileTemplate(metadata.template);
    if (typeof template !== 'string') return template;
    fail(template);
    return () => undefined;
  }
  return compileSourceKeys(rule, fail);
}

function compileSourceKeys(rule: MappingRule, fail: (message: string) => void): Read {
  const paths = typeof rule.sourceKeys === 'string' ? [rule.sourceKeys] : (rule.sourceKeys ?? []);
  const compile = rule.paths === 'rich' ? compileRichPath : compilePath;
  const readers = paths.flatMap((path): PathReader[] => {
    const keys = parsePath(path);
    if (typeof keys !== 'string') return [compile(keys)];
    fail(keys);
    return [];
  });
  const accepts = picks[rule.pick ?? 'nonNull'];
  return (source) => {
    for (const read of readers) {
      const value = read(source);
      if (value !== undefined && accepts(value)) return value;
    }
    return undefined;
  };
}

const picks: Readonly<Record<NonNullable<MappingRule['pick']>, (value: Json) => boolean>> = {
  defined: () => true,
  nonNull: (value) => value !== null,
  truthy: Boolean,
  nonEmpty: (value) => value !== null && !isEmptyJson(value),
};

function compileMetadata(rule: MappingRule, environment: MappingEnvironment): readonly CompiledConversion[] {
  const { type, maxLength } = rule.metadata ?? {};
  const steps = (Array.isArray(type) ? type : type === undefined ? [] : [type]) as NonNullable<
    Extract<typeof type, readonly unknown[]>
  >;
  const conversions = steps.map((step) => compileConversion(step, environment.flatten));
  if (maxLength === undefined) return conversions;
  const cut: CompiledConversion = (value, adjustments) => {
    if (typeof value !== 'string' || value.length <= maxLength) return value;
    adjustments.note('value_truncated', rule.destKey);
    return truncateText(value, maxLength);
  };
  return [...conversions, cut];
}
