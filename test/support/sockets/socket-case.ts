import { readdirSync, readFileSync } from 'node:fs';

import { Ajv } from 'ajv';

import { readFaultRules, type FaultRule } from '../../../src/destinations/heap/simulator/fault-rule.js';
import { Problem } from '../../../src/destinations/heap/simulator/problem.js';
import { defaultDeliveryConfig, type DeliverySettings } from '../../../src/service/delivery-config.js';
import { defaultBatchingConfig, type BatchingConfig } from '../../../src/service/service-config.js';
import type { EventPlan } from './socket-events.js';

/** From and to, both included. */
export type Band = readonly [number, number];

/** One way in which Heap goes wrong, and what must come of it; one file each. */
export interface SocketCase {
  /** A sentence. */
  readonly name: string;
  readonly why: string;
  readonly events: EventPlan;
  readonly batching?: Partial<BatchingConfig>;
  readonly delivery?: DeliverySettings;
  readonly faults: readonly FaultRule[];
  readonly expect: {
    /** Replies as the sender had them, by their status, or `timeout` or `network`; `all` of them together. */
    readonly replies: Readonly<Record<string, Band>>;
    /** Each wait of a lane by its cause, in milliseconds; those of other causes are not looked at. */
    readonly waits?: Readonly<Record<string, Band>>;
    /** Requests to Heap that brought what it had. */
    readonly duplicates?: Band;
  };
}

const band = { type: 'array', minItems: 2, maxItems: 2, items: { type: 'number' } };
const bands = { type: 'object', additionalProperties: band };
const count = { type: 'integer', minimum: 1 };

/** What is not known here is looked at by nobody, and would promise too much. */
const isCase = new Ajv({ allErrors: true, strictTuples: false }).compile<SocketCase>({
  type: 'object',
  required: ['name', 'why', 'events', 'faults', 'expect'],
  additionalProperties: false,
  properties: {
    name: { type: 'string' },
    why: { type: 'string' },
    events: {
      type: 'object',
      required: ['lanes', 'users', 'perUser'],
      additionalProperties: false,
      properties: {
        lanes: count,
        users: count,
        perUser: count,
        signUps: { const: true },
        poison: { type: 'array', items: { type: 'integer', minimum: 0 } },
      },
    },
    batching: { type: 'object', propertyNames: { enum: Object.keys(defaultBatchingConfig) } },
    delivery: { type: 'object', propertyNames: { enum: Object.keys(defaultDeliveryConfig) } },
    faults: { type: 'array' },
    expect: {
      type: 'object',
      required: ['replies'],
      additionalProperties: false,
      properties: { replies: bands, waits: bands, duplicates: band },
    },
  },
});

/** All cases of a folder. */
export function readSocketCases(folder: URL): readonly SocketCase[] {
  const files = readdirSync(folder).filter((name) => name.endsWith('.json'));
  return files.sort().map((name) => {
    const value: unknown = JSON.parse(readFileSync(new URL(name, folder), 'utf8'));
    if (!isCase(value)) throw new Error(`${name}: ${JSON.stringify(isCase.errors)}`);
    const rules = readFaultRules(value.faults);
    if (rules instanceof Problem) throw new Error(`${name}: ${rules.text}`);
    return value;
  });
}

/** What of this is not as a case expects it, one sentence each. */
export function outsideBands(
  what: string,
  found: Readonly<Record<string, number>>,
  expected: Readonly<Record<string, Band>>,
): readonly string[] {
  return Object.entries(expected).flatMap(([name, [from, to]]) => {
    const value = found[name] ?? 0;
    return value >= from && value <= to ? [] : [`${what} ${name}: ${value}, expected ${from} to ${to}`];
  });
}
