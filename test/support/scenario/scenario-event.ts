import type { Operation } from '../../../src/core/batching/operation.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import type { OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';
import type { OrderedWrite } from './order-witness.js';
import type { Arrival } from './arrivals.js';

/** One write of an event. Its `sequence` is also a property of what Heap stores, so that Heap's state tells what took effect. */
export interface Write extends OrderedWrite {
  readonly event: ScenarioEvent;
  readonly operation: Operation;
  /** The user or account that it is about. */
  readonly subject: string;
  /** Took effect at Heap, whatever the sender was told. */
  hasEffect: boolean;
}

/** An event that was accepted, and what became of it. */
export interface ScenarioEvent {
  readonly arrival: Arrival;
  readonly key: string;
  /** In order. */
  readonly writes: readonly Write[];
  /** On the monotonic clock. */
  readonly acceptedAt: number;
  settledAt: number | undefined;
  outcome: EventOutcome | undefined;
}

/** Longest value that Heap takes; one more is refused. */
const maxValueLength = 1_024;
/** The order of the kinds among writes that share a key, by the product's rule; stated here again on purpose. */
const stages: Readonly<Record<OperationKind, number>> = {
  identify: 0,
  addUserProperties: 1,
  addAccountProperties: 1,
  track: 2,
};

/** Makes the events of a run; their writes are numbered in the order of acceptance. */
export class ScenarioEvents {
  #sequence = 0;
  /** There are far fewer than writes. */
  readonly #keys = new Map<string, readonly string[]>();

  accept(arrival: Arrival, now: number): ScenarioEvent {
    const writes: Write[] = [];
    const event: ScenarioEvent = {
      arrival,
      key: `e${this.#sequence}`,
      writes,
      acceptedAt: now,
      settledAt: undefined,
      outcome: undefined,
    };
    for (const kind of operationsOf(arrival)) writes.push(this.#write(event, kind));
    return event;
  }

  #write(event: ScenarioEvent, kind: OperationKind): Write {
    const { arrival } = event;
    const { lane } = arrival;
    const sequence = (this.#sequence += 1);
    // Who signs up was not heard of before.
    const user = arrival.kind === 'signUp' ? `new-${event.key}` : `user-${arrival.user}`;
    const subject = kind === 'addAccountProperties' ? `account-${arrival.user % 10}` : user;
    const fields = fieldsOf(kind, subject, sequence, arrival);
    const operation = toOperation(lane, kind, fields, JSON.stringify(fields));
    const key = `${lane.key} ${keyOf(kind, subject)}`;
    const keys = kind === 'identify' ? [`${lane.key} user_id ${sequence}`, key] : this.#keysOf(key);
    return { event, operation, subject, sequence, stage: stages[kind], keys, hasEffect: false };
  }

  #keysOf(key: string): readonly string[] {
    let keys = this.#keys.get(key);
    if (keys === undefined) this.#keys.set(key, (keys = [key]));
    return keys;
  }
}

function operationsOf({ kind }: Arrival): readonly OperationKind[] {
  switch (kind) {
    case 'track':
    case 'addUserProperties':
    case 'identify':
      return [kind];
    case 'account':
      return ['addAccountProperties'];
    case 'signUp':
      return ['identify', 'addUserProperties', 'track'];
  }
}

function keyOf(kind: OperationKind, subject: string): string {
  return kind === 'addAccountProperties' ? `account ${subject}` : `user ${subject}`;
}

function fieldsOf(kind: OperationKind, subject: string, sequence: number, { isPoison, bytes }: Arrival): JsonObject {
  const filler = fillerOf(bytes);
  switch (kind) {
    case 'identify':
      return { user_id: String(sequence), identity: subject };
    case 'track':
      return {
        identity: subject,
        event: isPoison ? '' : 'Order Completed',
        idempotency_key: idempotencyKey(sequence),
        properties: { sequence, ...filler },
      };
    case 'addUserProperties':
      return { identity: subject, properties: { sequence, ...filler, ...poisonOf(isPoison) } };
    case 'addAccountProperties':
      return { account_id: subject, properties: { sequence, ...filler, ...poisonOf(isPoison) } };
  }
}

export function idempotencyKey(sequence: number): string {
  return `write-${sequence}`;
}

function poisonOf(isPoison: boolean): JsonObject {
  return isPoison ? { note: 'x'.repeat(maxValueLength + 1) } : {};
}

/** Properties that make an event about so large; without any it has some 100 bytes. */
function fillerOf(bytes: number): JsonObject {
  const filler: Record<string, string> = {};
  for (let left = bytes - 100, index = 0; left > 0; left -= maxValueLength, index += 1) {
    filler[`filler${index}`] = 'y'.repeat(Math.min(left, maxValueLength));
  }
  return filler;
}
