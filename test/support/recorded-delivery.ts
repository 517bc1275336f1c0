import type { LaneTarget, Operation } from '../../src/core/batching/operation.js';
import type { PlannedRequest } from '../../src/core/batching/plan-requests.js';
import type { RequestRules } from '../../src/core/batching/request-rules.js';
import { DeliveryRouter } from '../../src/core/delivery/delivery-router.js';
import type { LaneEntry } from '../../src/core/delivery/lane-entry.js';
import type { HostSnapshot, LaneSnapshot } from '../../src/core/delivery/lane-snapshot.js';
import type { SendOutcome } from '../../src/core/delivery/reply.js';
import type { EventOutcome } from '../../src/core/delivery/ticket.js';
import { heapRequestRules } from '../../src/destinations/heap/request-rules.js';
import { deliveryPolicyWith, type PolicyChanges } from './delivery-policy.js';
import { recordingObserver } from './recording-observer.js';
import { VirtualClock } from './virtual-clock.js';

/** One attempt as the destination saw it. */
export interface Attempt {
  /** Since the beginning. */
  readonly at: number;
  readonly request: PlannedRequest<LaneEntry>;
  readonly kind: string;
  readonly appId: string;
  readonly items: readonly string[];
}

export interface RecordedDeliveryOptions {
  readonly answer?: (attempt: Attempt, signal: AbortSignal) => SendOutcome | Promise<SendOutcome>;
  readonly policy?: PolicyChanges;
  readonly rules?: RequestRules;
  readonly hostOf?: (lane: LaneTarget) => string;
  readonly maxBacklog?: number;
  readonly maxBacklogBytes?: number;
  readonly random?: () => number;
}

export const delivered = { type: 'delivered' } as const satisfies SendOutcome;
export const failed = { type: 'retry', cause: 'answer', detail: 'HTTP 503' } as const satisfies SendOutcome;
export const timedOut = { type: 'retry', cause: 'timeout', detail: 'timeout' } as const satisfies SendOutcome;
export const throttled = { type: 'throttled', detail: 'HTTP 429' } as const satisfies SendOutcome;
export const halted = { type: 'halted', detail: 'HTTP 401' } as const satisfies SendOutcome;
export const refused = { type: 'rejected', detail: 'HTTP 400 bad' } as const satisfies SendOutcome;
export const tooLarge = { type: 'tooLarge', detail: 'HTTP 413' } as const satisfies SendOutcome;

/** Nobody needs so many at one moment: what follows is not answered, so that a loop without a wait ends, and fails. */
const maxAttemptsPerMoment = 5_000;

/** A router in virtual time, from 0 on, and everything that it did. */
export function recordedDelivery({ answer = () => delivered, ...options }: RecordedDeliveryOptions = {}) {
  const clock = new VirtualClock(0);
  const attempts: Attempt[] = [];
  const { observer, heard } = recordingObserver();
  const inFlight = new Set<LaneEntry>();
  const sentTwice: string[] = [];
  const router = new DeliveryRouter({
    rules: options.rules ?? heapRequestRules,
    policy: deliveryPolicyWith(options.policy),
    send: async (request, signal) => {
      const items = request.items.map(({ text }) => text);
      const at = clock.monotonic();
      if (attempts.at(-maxAttemptsPerMoment)?.at === at) return new Promise<SendOutcome>(() => undefined);
      const attempt = { at, request, kind: request.kind, appId: request.lane.appId, items };
      attempts.push(attempt);
      const entries = request.items.flatMap((item) => item.entries);
      for (const entry of entries) if (inFlight.has(entry)) sentTwice.push(entry.operation.text);
      for (const entry of entries) inFlight.add(entry);
      const outcome = await answer(attempt, signal);
      for (const entry of entries) inFlight.delete(entry);
      return outcome;
    },
    hostOf: options.hostOf ?? (() => 'heap'),
    clock,
    random: options.random ?? (() => 0.5),
    observer,
    maxBacklog: options.maxBacklog ?? 1_000,
    maxBacklogBytes: options.maxBacklogBytes ?? 1_000_000,
  });
  const outcomes: (EventOutcome | undefined)[] = [];
  const deliver = (...operations: readonly Operation[]): void => {
    const index = outcomes.push(undefined) - 1;
    void router.deliver(operations).then((outcome) => {
      if (outcomes[index] !== undefined) throw new Error('settled twice');
      outcomes[index] = outcome;
    });
  };
  return {
    clock,
    attempts,
    heard,
    /** What left while an earlier request with it was still on its way: always nothing. */
    sentTwice,
    router,
    deliver,
    outcomes,
    lanes: (): readonly LaneSnapshot[] => router.snapshot().lanes,
    hosts: (): readonly HostSnapshot[] => router.snapshot().hosts,
    /** When each request left. */
    times: (): readonly number[] => attempts.map(({ at }) => at),
    /** How many items each request had. */
    sizes: (): readonly number[] => attempts.map(({ items }) => items.length),
  };
}

/** A promise that the test settles. */
export function deferred<T>(): { readonly promise: Promise<T>; readonly resolve: (value: T) => void } {
  let resolve: (value: T) => void = () => undefined;
  const promise = new Promise<T>((settle) => {
    resolve = settle;
  });
  return { promise, resolve };
}

/** An answer that comes when the signal is aborted, and not before. */
export function onceAborted(outcome: SendOutcome, signal: AbortSignal): Promise<SendOutcome> {
  return new Promise((resolve) => {
    signal.addEventListener('abort', () => {
      resolve(outcome);
    });
  });
}
