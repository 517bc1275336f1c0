import type { LaneTarget } from '../batching/operation.js';
import type { PlannedItem, PlannedRequest } from '../batching/plan-requests.js';
import type { DeliveryObserver } from './delivery-observer.js';
import type { LanePolicy } from './delivery-policy.js';
import type { LaneEntry } from './lane-entry.js';
import type { LaneHealth } from './lane-health.js';
import type { LaneQueue } from './lane-queue.js';
import type { Batch, LaneSchedule } from './lane-schedule.js';
import type { LaneSearches } from './lane-searches.js';
import { PoisonGuard, type PoisonFinding } from './poison-guard.js';
import type { SendOutcome } from './reply.js';
import type { ItemOutcome } from './ticket.js';

/** What a reply does to the operations of its request, and to the lane. The one place where operations are given up. */
export class LaneReplies {
  readonly #guard: PoisonGuard;
  #finding: PoisonFinding | undefined;

  constructor(
    private readonly parts: {
      readonly target: LaneTarget;
      readonly policy: LanePolicy;
      readonly observer: DeliveryObserver;
      readonly queue: LaneQueue;
      readonly health: LaneHealth;
      readonly searches: LaneSearches;
      readonly schedule: LaneSchedule;
      readonly settle: (entry: LaneEntry, outcome: ItemOutcome) => void;
    },
  ) {
    this.#guard = new PoisonGuard(parts.policy.poison);
  }

  /** Why the lane is paused. */
  get finding(): PoisonFinding | undefined {
    return this.#finding;
  }

  /** A person looked: what paused the lane pauses it no more. */
  accept(): void {
    if (this.#finding !== undefined) this.#guard.accept(this.#finding.signature);
    this.#finding = undefined;
  }

  /** Nothing is known of these operations: they wait like all others. */
  giveBack({ request, search }: Batch): void {
    if (search === undefined) this.#giveBack(request);
    else this.parts.searches.end(search);
  }

  /** A reply came: `sentAt` and `now` are when the request left and when its reply came. */
  act(batch: Batch, outcome: SendOutcome, sentAt: number, now: number): void {
    switch (outcome.type) {
      case 'delivered':
        this.parts.health.onTaken(true, sentAt, now);
        this.#onDelivered(batch, now);
        return;
      case 'rejected':
      case 'tooLarge':
        this.parts.health.onTaken(false, sentAt, now);
        this.parts.health.onRejected(outcome.detail, now);
        this.#onRefused(batch, outcome, now);
        return;
      case 'retry':
      case 'throttled':
      case 'halted':
        this.#onFailed(batch, outcome, sentAt, now);
        return;
    }
  }

  #onDelivered({ request, search }: Batch, now: number): void {
    let count = 0;
    for (const { entries } of request.items) {
      count += entries.length;
      for (const entry of entries) {
        this.parts.observer.onDelivered(request.kind, (now - entry.acceptedAt) / 1000);
        this.parts.settle(entry, { type: 'delivered' });
      }
    }
    this.#guard.onDelivered(count);
    if (search !== undefined) this.parts.searches.report(search, 'clean');
  }

  #onRefused(
    { request, search }: Batch,
    outcome: Extract<SendOutcome, { type: 'rejected' | 'tooLarge' }>,
    now: number,
  ): void {
    const verdict = outcome.type === 'rejected' ? 'refused' : 'tooLarge';
    const [item] = request.items;
    const isSingle = request.items.length === 1;
    if (item !== undefined && isSingle) this.#onItemRefused(item, outcome, now);
    if (search !== undefined) {
      this.parts.searches.report(search, verdict);
    } else if (!isSingle && outcome.type === 'tooLarge' && this.parts.schedule.learnSize(request, now)) {
      this.parts.observer.onSplit(request);
      this.#giveBack(request);
    } else if (!isSingle) {
      this.parts.searches.start(request, verdict);
    }
  }

  /** An item that was refused alone: each of the writes that it was merged of is tried by itself, a single one is it. */
  #onItemRefused(
    { entries }: PlannedItem<LaneEntry>,
    outcome: Extract<SendOutcome, { type: 'rejected' | 'tooLarge' }>,
    now: number,
  ): void {
    const [entry] = entries;
    if (entry !== undefined && entries.length === 1) {
      const reason = outcome.type === 'rejected' ? 'heap_rejected' : 'heap_too_large';
      this.parts.settle(entry, { type: 'rejected', reason, detail: outcome.detail });
      const finding = this.#guard.onRejected(outcome.detail);
      if (finding !== undefined) this.#pause(finding, now);
      return;
    }
    for (const each of entries) {
      each.isAlone = true;
      this.parts.queue.giveBack(each);
    }
  }

  #pause(finding: PoisonFinding, now: number): void {
    if (this.#finding !== undefined) return;
    this.#finding = finding;
    this.parts.health.pause(now);
    this.parts.observer.onPaused(this.parts.target, finding);
  }

  /**
   * Everything waits again, also what is undecided of a search: the next request is smaller, and if something in it is
   * still refused, another search begins there. A search that went on with pieces of its own size would stand still before
   * one operation that the destination fails on.
   */
  #onFailed(
    batch: Batch,
    outcome: Extract<SendOutcome, { type: 'retry' | 'throttled' | 'halted' }>,
    sentAt: number,
    now: number,
  ): void {
    const { request } = batch;
    const wait = this.parts.health.onRefused(outcome, request.items.length, sentAt, now);
    if (wait !== undefined) this.parts.observer.onWait(this.parts.target, wait.cause, wait.ms, outcome.detail);
    const exhausted = outcome.type === 'retry' ? this.#countAttempt(request) : [];
    this.giveBack(batch);
    for (const entry of exhausted) {
      this.parts.settle(entry, { type: 'rejected', reason: 'attempts_exhausted', detail: outcome.detail });
    }
    // Nothing is given up for a wrong setting.
    if (outcome.type !== 'halted' && this.parts.health.mode !== 'paused') this.#expire(outcome.detail, now);
  }

  #giveBack({ items }: PlannedRequest<LaneEntry>): void {
    for (const { entries } of items) for (const entry of entries) this.parts.queue.giveBack(entry);
  }

  /** Returns the operations that had their last attempt. */
  #countAttempt({ items }: PlannedRequest<LaneEntry>): readonly LaneEntry[] {
    const exhausted: LaneEntry[] = [];
    for (const { entries } of items) {
      for (const entry of entries) {
        entry.attempts += 1;
        if (entry.attempts >= this.parts.policy.maxAttempts) exhausted.push(entry);
      }
    }
    return exhausted;
  }

  /** Delivery fails: what is too old is given up. */
  #expire(detail: string, now: number): void {
    for (;;) {
      const { oldest } = this.parts.queue;
      if (oldest === undefined || now - oldest.acceptedAt < this.parts.policy.maxAgeMs) return;
      if (oldest.place?.isInFlight === true) return;
      this.parts.settle(oldest, { type: 'rejected', reason: 'expired', detail });
    }
  }
}
