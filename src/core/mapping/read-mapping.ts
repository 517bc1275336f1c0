import { lazyValidator } from '../config/lazy-validator.js';
import { explainSchemaErrors, formatPath } from '../config/schema-faults.js';
import type { EventType } from '../event/event.js';
import type { Mapping, MappingRule, OperationMapping } from './mapping.js';

const schema = lazyValidator<Mapping>(new URL('./mapping.schema.json', import.meta.url), {
  allErrors: true,
  verbose: true,
  allowUnionTypes: true,
});

/**
 * Checks that a parsed JSON value is a mapping.
 *
 * @param faults receives one sentence for everything that is wrong, with its place.
 */
export function readMapping(value: unknown, faults: string[]): Mapping | undefined {
  if (schema.isValid(value)) return value;
  for (const fault of explainSchemaErrors(schema.errors)) {
    faults.push(`${formatPath(fault.path) || 'the mapping'} ${fault.message}`);
  }
  return undefined;
}

/**
 * A mapping that extends a preset, laid over it: event types it does not name are the preset's; an operation with
 * `extend` has the preset's fields with its own in their place or behind them.
 *
 * @param faults receives a sentence for an operation that extends what the preset does not have.
 */
export function extendMapping(preset: Mapping, change: Mapping, faults: string[]): Mapping {
  const events: Partial<Record<EventType, readonly OperationMapping[]>> = { ...preset.events };
  for (const [type, operations] of Object.entries(change.events) as [EventType, readonly OperationMapping[]][]) {
    const base = preset.events[type] ?? [];
    const isPatch = operations.length > 0 && operations.every((operation) => operation.extend === true);
    const changed = operations.map((operation, index) => {
      if (operation.extend !== true) return operation;
      const original = base.find((candidate) => candidate.operation === operation.operation);
      if (original === undefined) {
        faults.push(`events.${type}[${index}] extends "${operation.operation}", which the preset does not make of it`);
        return operation;
      }
      return { ...original, ...operation, fields: layFields(original.fields, operation.fields) };
    });
    // Only patches: the operations that they do not touch stay.
    events[type] = isPatch
      ? base.map((original) => changed.find((candidate) => candidate.operation === original.operation) ?? original)
      : changed;
  }
  return { ...change, events };
}

function layFields(base: readonly MappingRule[], change: readonly MappingRule[]): readonly MappingRule[] {
  const replaced = base.map((rule) => change.find((candidate) => candidate.destKey === rule.destKey) ?? rule);
  const added = change.filter((rule) => !base.some((candidate) => candidate.destKey === rule.destKey));
  return [...replaced, ...added];
}
