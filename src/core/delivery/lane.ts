import type { LaneTarget } from '../batching/operation.js';
import type { RequestRules } from '../batching/request-rules.js';
import type { Clock } from '../clock.js';
import { Alarm } from './alarm.js';
import type { DeliveryObserver } from './delivery-observer.js';
import type { LanePolicy } from './delivery-policy.js';
import type { Dispatch, Host, Sender } from './host.js';
import { LaneComposer } from './lane-composer.js';
import type { LaneEntry } from './lane-entry.js';
import { LaneHealth } from './lane-health.js';
import { LaneQueue } from './lane-queue.js';
import { LaneReplies } from './lane-replies.js';
import { LaneSchedule, type Batch, type Circumstances } from './lane-schedule.js';
import { LaneSearches } from './lane-searches.js';
import type { LaneSnapshot, LaneState } from './lane-snapshot.js';
import { LaneLimiter } from './limits/lane-limiter.js';
import type { SavedLimits } from './limits/saved-limits.js';
import type { SendOutcome } from './reply.js';
import type { ItemOutcome } from './ticket.js';

export interface LaneEnvironment {
  readonly rules: RequestRules;
  readonly policy: LanePolicy;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: DeliveryObserver;
  /** Once aborted, nothing is sent any more. */
  readonly signal: AbortSignal;
  /** Asked right before each request; false while this process may not send for the lane. */
  readonly mayBegin: () => boolean;
  /** What an earlier sender of the lane used of the rate limits. */
  readonly limits: SavedLimits | undefined;
  readonly onSettled: (entry: LaneEntry, outcome: ItemOutcome) => void;
}

/** How soon a lane that may not begin a request looks again. */
const mayBeginMs = 1_000;

/** Characters of the destination's words in a snapshot. */
const maxShownError = 300;

/**
 * The ordered backlog of one app_id in one region, and its only sender.
 *
 * What may be sent, and in which order, its `LaneQueue` knows; whether it may send at all, its `LaneHealth`; how much,
 * its `LaneLimiter`. When something is due, the lane asks its host for a turn; with its turn it makes one request, of
 * the kind that has waited longest. A request that is full is due at once; one that is not, when its oldest operation has waited
 * for `lingerMs` and no request of the lane is in flight, or a little later when one is.
 *
 * The reply decides: delivered settles the operations; throttled, failed and halted give them back to the queue, where
 * they keep their place; too large gives them back and makes requests smaller for some time; refused starts a search
 * that sends pieces of the request until the culprits stand alone, while operations of other keys go on. When too many
 * are rejected for one new reason, the lane pauses.
 *
 * Operations live in memory only; whoever handed them in keeps them until their ticket is settled.
 */
export class Lane implements Sender {
  readonly #queue: LaneQueue;
  readonly #composer: LaneComposer;
  readonly #limiter: LaneLimiter;
  readonly #health: LaneHealth;
  readonly #replies: LaneReplies;
  readonly #searches: LaneSearches;
  readonly #schedule: LaneSchedule;
  #bytes = 0;
  /** Requests in flight, and which of them overstay. */
  #inFlight = 0;
  #overstaying = 0;
  #isQueued = false;
  /** When the lane stops for good. */
  #deadline: number | undefined;
  readonly #alarm: Alarm;
  #isWithdrawn = false;
  #onLanded: (() => void) | undefined;

  constructor(
    readonly target: LaneTarget,
    private readonly host: Host,
    private readonly environment: LaneEnvironment,
  ) {
    const { rules, policy, random, observer } = environment;
    this.#queue = new LaneQueue((kind) => this.#composer.rulesOf(kind).stage);
    this.#limiter = new LaneLimiter(policy.rateLimits);
    if (environment.limits !== undefined) this.#limiter.restore(environment.limits, environment.clock.monotonic());
    const onLimited = (ms: number): void => {
      observer.onWait(target, 'identity_limit', ms, '');
    };
    const onFault = (error: unknown): void => {
      observer.onFault(error);
    };
    this.#composer = new LaneComposer(target, rules, this.#queue, this.#limiter, onLimited, onFault);
    this.#searches = new LaneSearches(this.#queue, this.#composer, this.#limiter, (kind, requests, culprits) => {
      observer.onSearched(target, kind, requests, culprits);
    });
    this.#schedule = new LaneSchedule({
      policy,
      queue: this.#queue,
      composer: this.#composer,
      limiter: this.#limiter,
      searches: this.#searches,
      onLimited: (ms) => {
        observer.onWait(target, 'lane_limit', ms, '');
      },
    });
    this.#alarm = new Alarm(environment.clock, () => {
      this.#pump();
    });
    const events = {
      onTransition: (from: LaneHealth['mode'], to: LaneHealth['mode']) => {
        observer.onTransition(target, from, to);
      },
      onBreaker: (from: LaneHealth['breaker'], to: LaneHealth['breaker']) => {
        observer.onLaneBreaker(target, from, to);
      },
    };
    this.#health = new LaneHealth(policy, random, events, target.key);
    this.#replies = new LaneReplies({
      target,
      policy,
      observer,
      queue: this.#queue,
      health: this.#health,
      searches: this.#searches,
      schedule: this.#schedule,
      random,
      settle: (entry, outcome) => {
        this.#settle(entry, outcome);
      },
    });
    host.join(this);
  }

  get isRetrying(): boolean {
    return this.#health.failures > 0 || this.#queue.failed > 0;
  }

  get isSlow(): boolean {
    return this.#health.isSlow || this.#overstaying > 0;
  }

  /** Operations that are not settled. */
  get backlog(): number {
    return this.#queue.size;
  }

  get backlogBytes(): number {
    return this.#bytes;
  }

  add(entry: LaneEntry): void {
    const { kind, bytes } = entry.operation;
    this.#bytes += bytes;
    const { maxBytes } = this.environment.policy.batch;
    const overhead = this.#composer.rulesOf(kind).overheadBytes(this.target);
    if (overhead + bytes > maxBytes) {
      const detail = `one operation alone is over the ${maxBytes} bytes of a request`;
      this.#settle(entry, { type: 'rejected', reason: 'operation_too_large', detail });
      return;
    }
    this.#queue.add(entry);
    this.#pump();
  }

  /** From now on nothing waits for company, and what can't be sent before the deadline is abandoned at once. */
  drain(deadline: number): void {
    this.#deadline = deadline;
    this.#pump();
  }

  /** Gives up everything that is not in flight; what is follows when its sender gives up. */
  abandon(): void {
    this.#searches.endWaiting();
    for (const entry of this.#queue.waiting()) this.#settle(entry, { type: 'abandoned' });
    this.#alarm.cancel();
  }

  /** Sends nothing more, ever. Resolves when nothing of the lane is in flight. */
  withdraw(): Promise<void> {
    this.#isWithdrawn = true;
    this.abandon();
    if (this.#inFlight === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#onLanded = resolve;
    });
  }

  /** What is used of the rate limits, for the lane's next sender; of every key when `keys`. */
  saveLimits(keys: boolean): SavedLimits {
    return this.#limiter.save(this.environment.clock.monotonic(), keys);
  }

  get #isEnding(): boolean {
    return this.#isWithdrawn || this.environment.signal.aborted;
  }

  /** A person looked at it: the lane goes on at once, and what paused it pauses it no more. */
  resume(): void {
    this.#replies.accept();
    this.#health.resume(this.environment.clock.monotonic());
    this.#pump();
  }

  onHostRecovered(): void {
    this.#health.onHostRecovered(this.environment.clock.monotonic());
    this.#pump();
  }

  next(): Dispatch | undefined {
    this.#isQueued = false;
    if (this.#isEnding) return undefined;
    if (!this.environment.mayBegin()) {
      this.#alarm.ringIn(mayBeginMs);
      return undefined;
    }
    const now = this.environment.clock.monotonic();
    const batch = this.#waitMs(now) === 0 ? this.#schedule.next(now, this.#circumstances()) : undefined;
    if (batch === undefined) {
      this.#pump();
      return undefined;
    }
    const { request, search } = batch;
    if (search !== undefined) {
      search.isInFlight = true;
      this.environment.observer.onSplit(request);
    }
    const reservation = this.#composer.reserve(request);
    const isFailing = this.#health.failures > 0;
    this.#health.onSend(now);
    this.#inFlight += 1;
    let overstays = false;
    this.#pump();
    return {
      request,
      isRetry: isFailing || request.items.some(({ entries }) => entries.some(({ attempts }) => attempts > 0)),
      onOverstay: () => {
        overstays = true;
        this.#overstaying += 1;
        this.#pump();
      },
      onOutcome: (outcome, sentAt) => {
        const answeredAt = this.environment.clock.monotonic();
        this.#inFlight -= 1;
        if (overstays) this.#overstaying -= 1;
        reservation.settle(answeredAt, ...counted(outcome));
        if (search !== undefined) search.isInFlight = false;
        this.#onOutcome(batch, outcome, sentAt, answeredAt);
      },
    };
  }

  #onOutcome(batch: Batch, outcome: SendOutcome, sentAt: number, now: number): void {
    if (this.#isEnding && !isFinal(outcome)) {
      this.#replies.giveBack(batch);
    } else {
      this.#act(batch, outcome, sentAt, now);
    }
    if (this.#health.mode === 'paused') this.#searches.endWaiting();
    if (this.#isEnding) this.abandon();
    else this.#pump();
    if (this.#inFlight === 0) this.#onLanded?.();
  }

  /** A fault of ours is a failure of the lane: nothing is lost, and the next attempt is not made at once. */
  #act(batch: Batch, outcome: SendOutcome, sentAt: number, now: number): void {
    try {
      this.#replies.act(batch, outcome, sentAt, now);
    } catch (error) {
      this.environment.observer.onFault(error);
      this.#replies.giveBack(batch);
      const failure = { type: 'retry', cause: 'network', detail: 'a fault of this service' } as const;
      this.#health.onRefused(failure, batch.request.items.length, sentAt, now);
    }
  }

  snapshot(): LaneSnapshot {
    const now = this.environment.clock.monotonic();
    const { oldest } = this.#queue;
    if (oldest === undefined) this.#limiter.forgetIdle(now);
    const { lastError, breaker, failures, maxItems } = this.#health;
    return {
      key: this.target.key,
      region: this.target.region,
      appId: this.target.appId,
      state: this.#state(),
      breaker,
      backlog: this.#queue.size,
      backlogBytes: this.#bytes,
      oldestAgeMs: oldest === undefined ? 0 : Math.round(now - oldest.acceptedAt),
      inFlight: this.#inFlight,
      allowance: this.#allowance(now),
      limitedIdentities: this.#queue.limited,
      nextAttemptMs: this.#alarm.at === undefined ? null : Math.max(0, Math.ceil(this.#alarm.at - now)),
      failures,
      maxItems,
      isSlow: this.isSlow,
      searches: this.#searches.size,
      lastError:
        lastError === undefined
          ? null
          : { detail: lastError.detail.slice(0, maxShownError), agoMs: Math.round(now - lastError.at) },
      paused: this.#replies.finding ?? null,
    };
  }

  #state(): LaneState {
    const { mode, breaker } = this.#health;
    if (mode === 'paused' || mode === 'halted') return mode;
    if (this.#queue.size === 0) return 'idle';
    if (mode === 'throttled') return mode;
    if (breaker !== 'closed') return 'open';
    if (mode === 'waiting') return 'waiting';
    if (this.#inFlight > 0) return 'sending';
    if (this.#isQueued) return 'queued';
    const isReady = this.#queue.kinds.some((kind) => this.#queue.readyOf(kind) !== undefined);
    return this.#schedule.isLimited || !isReady ? 'limited' : 'lingering';
  }

  #allowance(now: number): Readonly<Record<string, number>> {
    const { rateLimits } = this.environment.policy;
    const limited = Object.entries(rateLimits).filter(([, { perLane }]) => perLane !== undefined);
    return Object.fromEntries(limited.map(([kind]) => [kind, this.#limiter.laneRoom(kind, now)]));
  }

  /** Asks the host for a turn when something is due, or waits until something is. */
  #pump(): void {
    if (this.#isQueued || this.#isEnding) return;
    const now = this.environment.clock.monotonic();
    if (this.#isHopeless(now)) {
      this.abandon();
      return;
    }
    const wait = this.#waitMs(now);
    if (wait === Infinity) this.#alarm.cancel();
    if (wait > 0) {
      this.#alarm.ringIn(wait);
      return;
    }
    this.#alarm.cancel();
    this.#isQueued = true;
    this.host.enqueue(this);
  }

  /** The service stops, and the lane can't send before it does. */
  #isHopeless(now: number): boolean {
    if (this.#deadline === undefined || this.#queue.size === 0) return false;
    const { mode } = this.#health;
    if (mode === 'paused' || mode === 'halted') return true;
    const wait = this.#health.waitMs(now);
    // Infinity: a probe is on its way, and decides.
    return wait < Infinity && now + wait > this.#deadline;
  }

  /** Milliseconds until a request is due; 0 when one is, Infinity when only an event changes that. */
  #waitMs(now: number): number {
    if (this.#queue.size === 0) return Infinity;
    const { concurrency } = this.environment.policy;
    const most = this.#health.isCautious ? 1 : Math.min(concurrency, this.host.share);
    if (this.#inFlight >= most) return Infinity;
    const healthy = this.#health.waitMs(now);
    return healthy > 0 ? healthy : this.#schedule.waitMs(now, this.#circumstances());
  }

  #circumstances(): Circumstances {
    return {
      latencyMs: this.host.latencyMs,
      maxItems: this.#health.maxItems,
      inFlight: this.#inFlight,
      isDraining: this.#deadline !== undefined,
    };
  }

  #settle(entry: LaneEntry, outcome: ItemOutcome): void {
    this.#queue.remove(entry);
    this.#bytes -= entry.operation.bytes;
    entry.ticket.settle(outcome, entry.operation);
    this.environment.onSettled(entry, outcome);
  }
}

/** The destination has decided; anything else may still become of the request. */
function isFinal({ type }: SendOutcome): boolean {
  return type === 'delivered' || type === 'rejected' || type === 'tooLarge';
}

/**
 * Whether a request counts against the rate limits: its items, and the request itself. Heap does not say what it counts of
 * a request that it refuses. It took none of the events, so they don't; but a request it was. Should Heap see it otherwise
 * it answers 429, which costs a wait and no event.
 */
function counted({ type }: SendOutcome): readonly [items: boolean, requests: boolean] {
  const isTaken = type === 'delivered' || type === 'retry';
  return [isTaken, isTaken || type === 'rejected' || type === 'tooLarge'];
}
