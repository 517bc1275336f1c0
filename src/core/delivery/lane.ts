import type { LaneTarget, Operation } from '../batching/operation.js';
import {
  composeRequest,
  planRequests,
  takeApart,
  type BatchLimits,
  type PlannedItem,
  type PlannedRequest,
} from '../batching/plan-requests.js';
import type { RequestRules } from '../batching/request-rules.js';
import type { Clock } from '../clock.js';
import {
  deliverRequest,
  isRefusal,
  sendUntilSettled,
  toItemOutcome,
  type ItemOutcome,
  type OnWait,
  type RetryPolicy,
  type Send,
} from './deliver-request.js';
import type { DeliveryObserver } from './delivery-observer.js';
import type { Ticket } from './ticket.js';

/** One operation in a lane. */
export interface LaneEntry {
  readonly operation: Operation;
  readonly ticket: Ticket;
  readonly acceptedAt: number;
}

export interface LanePolicy {
  readonly batch: BatchLimits;
  readonly retry: RetryPolicy;
  /** How long a first operation waits for company. */
  readonly lingerMs: number;
  /** After this long without success an operation is given up as `expired`. */
  readonly maxAgeMs: number;
  /** Requests in flight at once, where their order among each other does not matter. */
  readonly concurrency: number;
}

export interface LaneEnvironment {
  readonly rules: RequestRules;
  readonly policy: LanePolicy;
  readonly send: Send<LaneEntry>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: DeliveryObserver;
  /** Abandons what is in flight and wakes whoever sleeps. */
  readonly signal: AbortSignal;
  readonly onSettled: (entry: LaneEntry, outcome: ItemOutcome) => void;
}

/**
 * `idle`: nothing waits. `lingering`: the first operations wait for company. `sending`: requests are under way.
 * `waiting`: the destination failed or asked to slow down. `halted`: it says that the lane's setting is wrong.
 */
export type LaneState = 'idle' | 'lingering' | 'sending' | 'waiting' | 'halted';

/** What a lane is doing, for the operator. */
export interface LaneSnapshot {
  readonly appId: string;
  readonly region: string;
  readonly state: LaneState;
  readonly backlog: number;
  /** Age of the oldest operation that is not settled, waiting or in flight. */
  readonly oldestAgeMs: number;
  readonly lastError: string | undefined;
}

/** A window takes at most this many full requests' worth of operations, so that kinds that are rare fill up too. */
const requestsPerWindow = 4;

/**
 * The ordered backlog of one app_id in one region, and its only sender.
 *
 * idle → lingering when an operation arrives; lingering → sending after `lingerMs`, or at once when a request is full;
 * sending ⇄ waiting / halted while the destination refuses; sending → lingering or idle when the window is settled. A
 * window is planned into requests, stage by stage, and the next window is taken when the last of it is settled: that is
 * what keeps the order of one identity's writes. Operations live in memory only; whoever handed them in keeps them
 * until their ticket is settled.
 */
export class Lane {
  #pending: LaneEntry[] = [];
  #pendingBytes = 0;
  #inWindow = 0;
  #windowSince: number | undefined;
  #state: LaneState = 'idle';
  #lastError: string | undefined;
  #stopLinger: AbortController | undefined;
  #isDraining = false;

  constructor(
    readonly target: LaneTarget,
    private readonly environment: LaneEnvironment,
  ) {}

  add(entries: readonly LaneEntry[]): void {
    for (const entry of entries) {
      this.#pending.push(entry);
      this.#pendingBytes += entry.operation.bytes;
    }
    if (this.#isFull()) this.#stopLinger?.abort();
    if (this.#state === 'idle') {
      this.#state = 'lingering';
      void this.#run();
    }
  }

  /** From now on nothing waits for company. */
  drain(): void {
    this.#isDraining = true;
    this.#stopLinger?.abort();
  }

  snapshot(): LaneSnapshot {
    const oldest = this.#inWindow > 0 ? this.#windowSince : this.#pending[0]?.acceptedAt;
    return {
      appId: this.target.appId,
      region: this.target.region,
      state: this.#state,
      backlog: this.#pending.length + this.#inWindow,
      oldestAgeMs: oldest === undefined ? 0 : Math.max(0, this.environment.clock.now() - oldest),
      lastError: this.#lastError,
    };
  }

  #isFull(): boolean {
    const { maxItems, maxBytes } = this.environment.policy.batch;
    return this.#pending.length >= maxItems || this.#pendingBytes >= maxBytes;
  }

  async #run(): Promise<void> {
    while (this.#pending.length > 0) {
      await this.#linger();
      this.#state = 'sending';
      const size = this.environment.policy.batch.maxItems * requestsPerWindow;
      const window = this.#pending.splice(0, size);
      for (const { operation } of window) this.#pendingBytes -= operation.bytes;
      this.#inWindow = window.length;
      this.#windowSince = window[0]?.acceptedAt;
      await this.#deliver(window);
      this.#state = 'lingering';
    }
    this.#state = 'idle';
  }

  async #linger(): Promise<void> {
    const { clock, policy, signal } = this.environment;
    const oldest = this.#pending[0]?.acceptedAt ?? clock.now();
    // A clock that was set back must not make anybody wait for the difference.
    const ms = Math.min(policy.lingerMs, policy.lingerMs - (clock.now() - oldest));
    if (ms <= 0 || this.#isFull() || this.#isDraining || signal.aborted) return;
    this.#stopLinger = new AbortController();
    await clock.sleep(ms, AbortSignal.any([signal, this.#stopLinger.signal]));
    this.#stopLinger = undefined;
  }

  async #deliver(window: readonly LaneEntry[]): Promise<void> {
    const { rules, policy } = this.environment;
    const plan = planRequests(window, rules, policy.batch);
    const detail = `one operation alone is over the ${policy.batch.maxBytes} bytes of a request`;
    for (const entry of plan.oversized) {
      this.#settle(entry, { type: 'rejected', reason: 'operation_too_large', detail });
    }
    const stages = [...new Set(plan.requests.map((request) => request.stage))];
    for (const stage of stages) {
      await this.#deliverStage(plan.requests.filter((request) => request.stage === stage));
    }
  }

  /** Requests that may overtake each other go out side by side, the others one after the other. */
  async #deliverStage(requests: readonly PlannedRequest<LaneEntry>[]): Promise<void> {
    const chains = new Map<string, PlannedRequest<LaneEntry>[]>();
    for (const request of requests) {
      const key = `${request.kind} ${request.items[0]?.orderKey ?? ''}`;
      const chain = chains.get(key);
      if (chain === undefined) chains.set(key, [request]);
      else chain.push(request);
    }
    const queue = [...chains.values()].values();
    const work = async (): Promise<void> => {
      for (const chain of queue) for (const request of chain) await this.#deliverRequest(request);
    };
    await Promise.all(Array.from({ length: Math.min(this.environment.policy.concurrency, chains.size) }, work));
  }

  async #deliverRequest(request: PlannedRequest<LaneEntry>): Promise<void> {
    const { rules, policy, send, clock, random, observer, signal } = this.environment;
    const kindRules = rules[request.kind];
    if (kindRules === undefined) throw new Error(`no request rules for operations of kind ${request.kind}`);
    const onWait: OnWait = (outcome, ms) => {
      this.#state = outcome.type === 'halted' ? 'halted' : 'waiting';
      this.#lastError = outcome.detail;
      observer.onWait(this.target, outcome, ms);
    };
    await deliverRequest(
      request,
      async (part) => {
        if (part !== request) observer.onSplit(part);
        const expiresAt = lastAcceptedAt(part) + policy.maxAgeMs;
        const outcome = await sendUntilSettled(send, part, expiresAt, policy.retry, { clock, random, onWait }, signal);
        this.#state = 'sending';
        return outcome;
      },
      isRefusal,
      { compose: (items) => composeRequest(this.target, request.kind, kindRules, items), takeApart },
      (item, outcome) => {
        this.#settleItem(item, toItemOutcome(outcome));
      },
    );
  }

  #settleItem(item: PlannedItem<LaneEntry>, outcome: ItemOutcome): void {
    for (const entry of item.entries) this.#settle(entry, outcome);
  }

  #settle(entry: LaneEntry, outcome: ItemOutcome): void {
    this.#inWindow -= 1;
    entry.ticket.settle(outcome);
    this.environment.onSettled(entry, outcome);
  }
}

function lastAcceptedAt(request: PlannedRequest<LaneEntry>): number {
  let last = 0;
  for (const item of request.items) for (const entry of item.entries) last = Math.max(last, entry.acceptedAt);
  return last;
}
