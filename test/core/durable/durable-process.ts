import type { SendOutcome } from '../../../src/core/delivery/reply.js';
import { DeliveryLog } from '../../../src/core/durable/delivery-log.js';
import { DurableIntake, type DurableIntakeOptions } from '../../../src/core/durable/durable-intake.js';
import type { DurableObserver } from '../../../src/core/durable/durable-observer.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { compileConnection } from '../../../src/destinations/heap/compile-connection.js';
import { defaultHeapSettings } from '../../../src/destinations/heap/connection.js';
import { MemoryStore, type MemoryDisk } from '../../support/memory-store.js';
import { laneTo } from '../../support/operations.js';
import { recordedDelivery, type Attempt, type RecordedDeliveryOptions } from '../../support/recorded-delivery.js';

export const connection = compileConnection(
  { id: 'web', appId: '11', region: 'us', preset: 'heap', settings: defaultHeapSettings },
  [],
);

export function track(id: string, userId = 'ann', properties: JsonObject = {}): JsonObject {
  return { type: 'track', messageId: id, userId, event: 'Paid', properties, timestamp: '2026-03-10T12:00:00.000Z' };
}

export function identify(id: string, userId = 'ann', traits: JsonObject = { plan: id }): JsonObject {
  return { type: 'identify', messageId: id, userId, traits };
}

const nothing = (): undefined => undefined;

export interface DurableProcessOptions extends RecordedDeliveryOptions {
  readonly disk: MemoryDisk;
  readonly changes?: Partial<DurableIntakeOptions>;
  readonly fail?: MemoryStore['fail'];
}

/** One process: an intake on a disk that may outlive it, and the destination that it delivers to, in virtual time. */
export async function startProcess({ disk, changes, fail, ...options }: DurableProcessOptions) {
  const delivery = recordedDelivery({ maxBacklog: 10_000, maxBacklogBytes: 50_000_000, ...options });
  const { clock, router } = delivery;
  const store = new MemoryStore(disk, clock);
  if (fail !== undefined) store.fail = fail;
  const told: string[] = [];
  const observer: DurableObserver = {
    onReceived: nothing,
    onTransformed: nothing,
    onFault: (error) => told.push(`fault ${String(error)}`),
    onOperation: nothing,
    onOutcome: (outcome, reason) => told.push([outcome, reason].filter((part) => part !== undefined).join(' ')),
    onAdjustment: nothing,
    onStored: nothing,
    onRepeats: (events) => told.push(`repeats ${events}`),
    onClaimed: nothing,
    onReleased: (lane, cause) => told.push(`${cause} ${lane}`),
    onStoreTrouble: (lane, error) => told.push(`trouble ${lane} ${(error as Error).name}`),
    onLaneStopped: (lane, error) => told.push(`stopped ${lane} ${(error as Error).message}`),
  };
  const log = new DeliveryLog({ eventsPerLane: 100, maxEvents: 1_000, maxBytes: 1e6 }, () => clock.now());
  const intake = new DurableIntake({
    store,
    router,
    connectionOf: (id) => (id === 'web' ? connection : undefined),
    laneOf: (key) => laneTo(key.slice(3)),
    clock,
    observer,
    log,
    rateLimits: options.policy?.lane?.rateLimits ?? {},
    bounds: { maxEvents: 1e6, maxBytes: 1e9, maxEventsPerLane: 1e6, maxBytesPerLane: 1e9 },
    maxEventLength: 100_000,
    maxCountedAgeMs: 1e12,
    maxArrivingBytes: 1e8,
    rememberedIds: 1_000,
    storesIds: false,
    ...changes,
  });
  await intake.start();
  return {
    ...delivery,
    store,
    intake,
    log,
    told,
    take: (...events: readonly Json[]) =>
      intake.takeIn(
        events.map((value) => ({ value })),
        connection,
      ),
    /** Idempotency keys of the track events that the destination took, in the order of arrival. */
    taken: (outcomeOf: (attempt: Attempt) => SendOutcome['type'] = () => 'delivered') =>
      delivery.attempts
        .filter((attempt) => attempt.kind === 'track' && outcomeOf(attempt) === 'delivered')
        .flatMap(({ items }) => items.map((text) => (JSON.parse(text) as { idempotency_key: string }).idempotency_key)),
    kill: () => {
      store.die();
      router.abort();
    },
  };
}
