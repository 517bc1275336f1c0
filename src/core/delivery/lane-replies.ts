import type { LaneTarget } from '../batching/operation.js';
import type { PlannedItem, PlannedRequest } from '../batching/plan-requests.js';
import { backOffMs } from './back-off.js';
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
  #groups = 0;

  constructor(
    private readonly parts: {
      readonly target: LaneTarget;
      readonly policy: LanePolicy;
      readonly observer: DeliveryObserver;
      readonly queue: LaneQueue;
      readonly health: LaneHealth;
      readonly searches: LaneSearches;
      readonly schedule: LaneSchedule;
      readonly random: () => number;
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

  /** An item that was refused alone: a single write is the culprit; merged ones are merged by halves from now on. */
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
    const middle = Math.ceil(entries.length / 2);
    const halves = [this.#groups + 1, this.#groups + 2] as const;
    this.#groups += 2;
    entries.forEach((each, index) => {
      each.group = index < middle ? halves[0] : halves[1];
      this.parts.queue.giveBack(each);
    });
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
    const choking = outcome.type === 'retry' ? this.#chokingOn(request) : undefined;
    if (choking !== undefined) {
      this.#onChoked(choking, outcome.detail, sentAt, now);
      // It waits by itself now; a search that went on would send it as well.
      if (batch.search !== undefined) this.parts.searches.end(batch.search);
      return;
    }
    const wait = this.parts.health.onRefused(outcome, request.items.length, sentAt, now);
    if (wait !== undefined) this.parts.observer.onWait(this.parts.target, wait.cause, wait.ms, outcome.detail);
    const exhausted = outcome.type === 'retry' ? this.#countAttempt(request, now) : [];
    this.giveBack(batch);
    for (const entry of exhausted) {
      this.parts.settle(entry, { type: 'rejected', reason: 'attempts_exhausted', detail: outcome.detail });
    }
    // Nothing is given up for a wrong setting.
    if (outcome.type !== 'halted' && this.parts.health.mode !== 'paused') this.#expire(outcome.detail, now);
  }

  /** The one operation of a request, where others were delivered since it failed the last time. */
  #chokingOn({ items }: PlannedRequest<LaneEntry>): LaneEntry | undefined {
    const [entry] = items[0]?.entries ?? [];
    const isAlone = items.length === 1 && items[0]?.entries.length === 1;
    return entry !== undefined && isAlone && this.#isSetback(entry) ? entry : undefined;
  }

  /** It failed before, and others were delivered since. */
  #isSetback({ failedAt }: LaneEntry): boolean {
    return failedAt !== undefined && this.parts.health.deliveredAt > failedAt;
  }

  /** It backs off by itself; its lane goes on. */
  #onChoked(entry: LaneEntry, detail: string, sentAt: number, now: number): void {
    const { queue, health, policy, observer, target } = this.parts;
    health.onChoked(detail, sentAt, now);
    queue.countFailure(entry, now);
    entry.isChoking = true;
    const ms = backOffMs(policy.retry, entry.attempts, this.parts.random());
    observer.onWait(target, 'retry', ms, detail);
    if (entry.attempts >= policy.maxAttempts) {
      this.parts.settle(entry, { type: 'rejected', reason: 'attempts_exhausted', detail });
    } else if (this.#ageOf(entry, now) >= policy.maxAgeMs) {
      this.parts.settle(entry, { type: 'rejected', reason: 'expired', detail });
    } else {
      queue.holdBack(entry, now + ms);
    }
  }

  #giveBack({ items }: PlannedRequest<LaneEntry>): void {
    for (const { entries } of items) for (const entry of entries) this.parts.queue.giveBack(entry);
  }

  /** Returns the operations that had their last attempt. */
  #countAttempt({ items }: PlannedRequest<LaneEntry>, now: number): readonly LaneEntry[] {
    const exhausted: LaneEntry[] = [];
    for (const { entries } of items) {
      for (const entry of entries) {
        if (this.#isSetback(entry)) entry.isChoking = true;
        this.parts.queue.countFailure(entry, now);
        if (entry.attempts >= this.parts.policy.maxAttempts) exhausted.push(entry);
      }
    }
    return exhausted;
  }

  /** Nothing is given up for a wrong setting: the time that one lasted does not count. */
  #ageOf({ acceptedAt }: LaneEntry, now: number): number {
    return now - Math.max(acceptedAt, this.parts.health.haltedUntil);
  }

  /** Delivery fails: what is too old is given up. */
  #expire(detail: string, now: number): void {
    for (;;) {
      const { oldest } = this.parts.queue;
      if (oldest === undefined || this.#ageOf(oldest, now) < this.parts.policy.maxAgeMs) return;
      if (oldest.place?.isInFlight === true) return;
      this.parts.settle(oldest, { type: 'rejected', reason: 'expired', detail });
    }
  }
}
