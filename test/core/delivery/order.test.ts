import { describe, expect, it } from '@jest/globals';

import type { Operation } from '../../../src/core/batching/operation.js';
import { DeliveryRouter } from '../../../src/core/delivery/delivery-router.js';
import type { Reply } from '../../../src/core/delivery/reply.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import type { JsonObject } from '../../../src/core/json/json.js';
import { classifyHeapReply } from '../../../src/destinations/heap/classify-reply.js';
import type { OperationKind } from '../../../src/destinations/heap/operation-kind.js';
import { heapRequestRules } from '../../../src/destinations/heap/request-rules.js';
import { seededRandom, type Random } from '../../../src/destinations/heap/simulator/seeded-random.js';
import { toOperation } from '../../../src/destinations/heap/to-operation.js';
import { laneTo } from '../../support/operations.js';
import { deafObserver } from '../../support/scenario/deaf-observer.js';
import type { SeenRequest } from '../../support/scenario/heap-witness.js';
import { OrderWitness, type OrderedWrite } from '../../support/scenario/order-witness.js';
import { policyWith } from '../../support/scenario/scenario-policy.js';
import { VirtualClock } from '../../support/virtual-clock.js';

const identities = 50;
const writesEach = 40;
const lanes = [laneTo('11'), laneTo('12'), laneTo('13')];

/** What the sink answers before the last word; with `lost` the request takes effect and its answer does not arrive. */
const mishaps = ['503', '429', 'timeout', 'reset', 'lost'] as const;

type Mishap = (typeof mishaps)[number];

/** A write, and what the sink has in store for it. */
interface Prescribed extends OrderedWrite {
  readonly operation: Operation;
  readonly mishaps: Mishap[];
  readonly isRefused: boolean;
  hasEffect: boolean;
}

interface Played {
  readonly order: OrderWitness;
  readonly outcomes: ReadonlyMap<Prescribed, EventOutcome>;
  readonly prescribed: readonly Prescribed[];
  /** Of each track that arrived, the idempotency keys that it arrived under. */
  readonly idempotencyKeys: ReadonlyMap<number, ReadonlySet<string>>;
  /** Of the most writes. */
  readonly largestRequest: number;
}

/** 50 people with 40 writes each, in turns, over several lanes. */
function prescribe(random: Random): readonly Prescribed[] {
  const all: Prescribed[] = [];
  for (let turn = 0; turn < writesEach; turn += 1) {
    for (let person = 0; person < identities; person += 1) {
      all.push(prescribedWrite(all.length + 1, person, turn, random));
    }
  }
  return all;
}

function prescribedWrite(sequence: number, person: number, turn: number, random: Random): Prescribed {
  const lane = lanes[person % lanes.length] ?? laneTo('11');
  const drawn = random();
  const kind = drawn < 0.6 ? 'track' : drawn < 0.9 ? 'addUserProperties' : 'identify';
  // Visitors are merged into one person or another: merges that share a visitor, or a person, keep their order.
  const visitor = String(person % 3 === 0 ? person : (person * 7 + turn) % identities);
  const identity = `person-${person}`;
  const fields = fieldsOf(kind, identity, visitor, sequence);
  const keys = kind === 'identify' ? [`user_id ${visitor}`, `identity ${identity}`] : [`identity ${identity}`];
  return {
    sequence,
    stage: kind === 'identify' ? 0 : kind === 'addUserProperties' ? 1 : 2,
    keys: keys.map((key) => `${lane.key} ${key}`),
    operation: toOperation(lane, kind, fields, JSON.stringify(fields)),
    mishaps: Array.from({ length: random() < 0.15 ? 1 + Math.floor(random() * 3) : 0 }, () => draw(mishaps, random)),
    isRefused: random() < 0.02,
    hasEffect: false,
  };
}

function fieldsOf(kind: OperationKind, identity: string, visitor: string, sequence: number): JsonObject {
  switch (kind) {
    case 'identify':
      return { user_id: visitor, identity };
    case 'track':
      return { identity, event: 'Viewed', idempotency_key: `key-${sequence}`, properties: { write: sequence } };
    default:
      return { identity, properties: { last: sequence, [`only${sequence % 3}`]: sequence } };
  }
}

function draw<T>(values: readonly T[], random: Random): T {
  const value = values[Math.floor(random() * values.length)];
  if (value === undefined) throw new Error('nothing to draw from');
  return value;
}

/** Delivers what is prescribed to a sink that plays it; a request gets the first reply left of its writes. */
async function play(seed: number, change: (operation: Operation, index: number) => Operation): Promise<Played> {
  const random = seededRandom(seed);
  const prescribed = prescribe(random);
  const clock = new VirtualClock();
  const order = new OrderWitness();
  const byOperation = new Map<Operation, Prescribed>();
  const idempotencyKeys = new Map<number, Set<string>>();
  let largestRequest = 0;

  const takeEffect = (request: SeenRequest, writes: readonly Prescribed[]): void => {
    for (const write of writes) {
      order.onEffect(write, !write.hasEffect);
      write.hasEffect = true;
    }
    if (request.kind !== 'track') return;
    const { events } = JSON.parse(request.body) as {
      readonly events: readonly { readonly idempotency_key: string; readonly properties: { readonly write: number } }[];
    };
    for (const { idempotency_key: key, properties } of events) {
      idempotencyKeys.set(properties.write, (idempotencyKeys.get(properties.write) ?? new Set()).add(key));
    }
  };

  const send = async (request: SeenRequest): Promise<Reply> => {
    const writes = request.items.flatMap(({ entries }) => entries.map(({ operation }) => byOperation.get(operation)));
    const known = writes.filter((write) => write !== undefined);
    expect(known).toHaveLength(writes.length);
    largestRequest = Math.max(largestRequest, known.length);
    // Requests take their time, and overtake each other where they may.
    await clock.sleep(10 + random() * 200);
    const mishap = known.find((write) => write.mishaps.length > 0)?.mishaps.shift();
    const isRefused = known.some((write) => write.isRefused);
    if (!isRefused && (mishap === undefined || mishap === 'lost')) takeEffect(request, known);
    await clock.sleep(mishap === 'timeout' || mishap === 'lost' ? 30_000 : 10 + random() * 200);
    return mishap === undefined ? answer(isRefused ? 400 : 200) : replyOf(mishap);
  };

  const router = new DeliveryRouter({
    rules: heapRequestRules,
    policy: policyWith({
      lane: { batch: { maxItems: 20 }, lingerMs: 50, retry: { baseMs: 20, capMs: 500 }, concurrency: 8 },
      // Everything fails again and again here; what that does to the pace is tested elsewhere.
      host: { budget: { ratio: 1, perSecond: 1_000, burst: 1_000 } },
    }),
    hostOf: () => 'heap',
    send: async (request) => classifyHeapReply(await send(request), clock.now()),
    clock,
    random,
    observer: deafObserver,
    maxBacklog: 1_000_000,
    maxBacklogBytes: 1_000_000_000,
  });

  const outcomes = new Map<Prescribed, EventOutcome>();
  for (const [index, write] of prescribed.entries()) {
    const operation = change(write.operation, index);
    byOperation.set(operation, write);
    void router.deliver([operation]).then((outcome) => {
      expect(outcomes.has(write)).toBe(false);
      outcomes.set(write, outcome);
      if (outcome.type === 'delivered') order.onConfirmed(write);
    });
    if (random() < 0.3) await clock.advance(Math.floor(random() * 20));
  }
  for (let hour = 0; hour < 24 && outcomes.size < prescribed.length; hour += 1) await clock.advance(3_600_000);
  return { order, outcomes, prescribed, idempotencyKeys, largestRequest };
}

function replyOf(mishap: Mishap): Reply {
  switch (mishap) {
    case '503':
    case '429':
      return answer(Number(mishap));
    case 'timeout':
    case 'lost':
      return { type: 'noAnswer', cause: 'timeout', detail: 'no answer within 30 s' };
    case 'reset':
      return { type: 'noAnswer', cause: 'network', detail: 'ECONNRESET' };
  }
}

function answer(status: number): Reply {
  return { type: 'answer', status, body: status === 400 ? 'something is wrong' : '' };
}

const seeds = [1, 2, 3, 4];

describe('the order of writes to a sink whose every reply is prescribed', () => {
  it.each(seeds)('is kept for each of 50 people with 40 writes, whatever fails (seed %i)', async (seed) => {
    const { order, outcomes, prescribed, idempotencyKeys, largestRequest } = await play(seed, (operation) => operation);
    expect(order.inversions).toEqual([]);
    expect(outcomes.size).toBe(identities * writesEach);
    expect(largestRequest).toBeGreaterThan(5);
    for (const write of prescribed) {
      const expected = write.isRefused ? 'rejected' : 'delivered';
      expect([write.operation.text, outcomes.get(write)?.type]).toEqual([write.operation.text, expected]);
      expect(write.hasEffect).toBe(!write.isRefused);
    }
    for (const [sequence, keys] of idempotencyKeys) expect([...keys]).toEqual([`key-${sequence}`]);
  });

  it.each(seeds)('is lost when delivery is not told who a write is about (seed %i)', async (seed) => {
    const { order } = await play(seed, (operation, index) => ({ ...operation, keys: [`nobody ${index}`] }));
    expect(order.inversions.length).toBeGreaterThan(10);
  });
});
