import type { LaneTarget } from '../batching/operation.js';
import type { PlannedRequest } from '../batching/plan-requests.js';
import type { Clock } from '../clock.js';
import { AdaptiveConcurrency, type RequestResult } from './adaptive-concurrency.js';
import { Alarm } from './alarm.js';
import { Breaker } from './breaker.js';
import type { DeliveryObserver } from './delivery-observer.js';
import type { HostPolicy } from './delivery-policy.js';
import { Fifo } from './fifo.js';
import type { InFlightBytes } from './in-flight-bytes.js';
import type { LaneEntry } from './lane-entry.js';
import type { HostSnapshot } from './lane-snapshot.js';
import type { SendOutcome } from './reply.js';
import { RetryBudget } from './retry-budget.js';
import { UsualLatency } from './usual-latency.js';

/** The port that delivery is written against. It answers with a value in every case, and soon once the signal is aborted. */
export type Send<Entry = LaneEntry> = (request: PlannedRequest<Entry>, signal: AbortSignal) => Promise<SendOutcome>;

/** What a host needs of a lane. */
export interface Sender {
  readonly target: LaneTarget;
  /** It failed: what it sends next is extra load, or holds something that is. */
  readonly isRetrying: boolean;
  /** Its last attempt hung, or one that hangs is in flight. */
  readonly isSlow: boolean;
  /** It is its turn: the next request, or nothing where there is none any more. */
  next(): Dispatch | undefined;
  /** The host answers again after an outage. */
  onHostRecovered(): void;
}

/** One request of a lane, on its way. */
export interface Dispatch {
  readonly request: PlannedRequest<LaneEntry>;
  /** Something in it was sent before and failed, or its lane did. */
  readonly isRetry: boolean;
  /** It takes far longer than the others. */
  onOverstay(): void;
  onOutcome(outcome: SendOutcome, sentAt: number): void;
}

export interface HostEnvironment {
  readonly policy: HostPolicy;
  readonly send: Send;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: DeliveryObserver;
  readonly signal: AbortSignal;
  readonly bytes: InFlightBytes;
}

/**
 * Whose connections a request uses: `regular` and `slow` ones are counted by themselves; an `overstaying` one began as
 * regular, and found no slow one free.
 */
type Slots = 'regular' | 'overstaying' | 'slow';

/** A request that takes so many times as long as usual leaves its connection to the others' count. */
const overstayFactor = 8;
const minOverstayMs = 500;

/**
 * One host of the destination, and how its lanes share it.
 *
 * A lane that has something to send asks for a turn; turns are given round, one request each, so no lane's backlog is
 * another's wait. There are as many turns at once as the host takes well (AIMD), and none while too many bytes are in
 * flight. A request that hangs leaves the regular connections after a while for a second, bounded set, and so do the
 * next ones of its lane until one is answered: lanes that hang wait for each other only. Lanes that failed before are
 * served as far as the retry budget goes. When everything fails, whoever asks, the host's breaker opens, and one probe
 * goes out now and then; when one is answered, the lanes that wait because of failures are told.
 */
export class Host {
  readonly #breaker: Breaker;
  readonly #concurrency: AdaptiveConcurrency;
  readonly #usual = new UsualLatency();
  readonly #budget: RetryBudget;
  readonly #turns = { fresh: new Fifo<Sender>(), retrying: new Fifo<Sender>(), slow: new Fifo<Sender>() };
  readonly #inFlight: Record<Slots, number> = { regular: 0, overstaying: 0, slow: 0 };
  readonly #senders = new Set<Sender>();
  #isServing = false;
  readonly #alarm: Alarm;

  constructor(
    readonly name: string,
    private readonly environment: HostEnvironment,
  ) {
    const { policy, clock, random, observer, bytes } = environment;
    this.#concurrency = new AdaptiveConcurrency(policy.concurrency);
    this.#alarm = new Alarm(clock, () => {
      this.#serve();
    });
    this.#budget = new RetryBudget(policy.budget, clock.monotonic());
    this.#breaker = new Breaker(policy.breaker, random, (from, to) => {
      observer.onHostBreaker(name, from, to);
      if (to === 'closed') for (const sender of this.#senders) sender.onHostRecovered();
    });
    bytes.onRoom(() => {
      this.#serve();
    });
  }

  /** The lane belongs to this host from now on. */
  join(sender: Sender): void {
    this.#senders.add(sender);
  }

  /** The lane sends nothing any more. */
  leave(sender: Sender): void {
    this.#senders.delete(sender);
  }

  /** The lane has something to send; its turn comes by `next`. */
  enqueue(sender: Sender): void {
    this.#lineUp(sender);
    this.#serve();
  }

  /** Nothing more is sent, and no timer is left. */
  stop(): void {
    this.#alarm.cancel();
  }

  #lineUp(sender: Sender): void {
    const { fresh, retrying, slow } = this.#turns;
    const queue = sender.isSlow ? slow : sender.isRetrying ? retrying : fresh;
    queue.push(sender);
  }

  /** Requests that one lane may have in flight at once: half of all, so that no lane holds them all. */
  get share(): number {
    return Math.max(1, Math.floor(this.#concurrency.limit / 2));
  }

  get latencyMs(): number {
    return this.#usual.ms;
  }

  snapshot(): HostSnapshot {
    const { fresh, retrying, slow } = this.#turns;
    return {
      host: this.name,
      breaker: this.#breaker.state,
      concurrency: this.#concurrency.limit,
      inFlight: this.#inFlight.regular,
      slow: this.#inFlight.slow + this.#inFlight.overstaying,
      waitingLanes: fresh.length + retrying.length + slow.length,
      retryTokens: Math.floor(this.#budget.tokens(this.environment.clock.monotonic())),
      latencyMs: Math.round(this.#usual.ms),
    };
  }

  /** Gives turns as long as there are connections, bytes and somebody who wants one. */
  #serve(): void {
    // A turn may make its lane ask for the next one: that is seen by the loop that gave it.
    if (this.#isServing || this.environment.signal.aborted) return;
    this.#isServing = true;
    this.#alarm.cancel();
    try {
      while (!this.environment.bytes.isFull) {
        const now = this.environment.clock.monotonic();
        const wait = this.#breaker.waitMs(now);
        if (wait > 0) {
          if (this.#hasTurns()) this.#alarm.ringIn(wait);
          return;
        }
        const sender = this.#nextSender(now);
        if (sender === undefined) return;
        this.#giveTurn(sender, now);
      }
    } finally {
      this.#isServing = false;
    }
  }

  #hasTurns(): boolean {
    const { fresh, retrying, slow } = this.#turns;
    return fresh.length + retrying.length + slow.length > 0;
  }

  /**
   * Lanes that failed go before those that did not, as far as the budget lets them: that is a small part. Who probes an
   * open breaker is the other way round: a lane that never failed knows more.
   */
  #nextSender(now: number): Sender | undefined {
    const { fresh, retrying, slow } = this.#turns;
    const hasRegular = this.#hasRegular();
    const hasSlow = this.#inFlight.slow < this.environment.policy.maxSlow;
    if (hasRegular && fresh.length > 0 && this.#breaker.state !== 'closed') return fresh.shift();
    const budgetMs = this.#budget.waitMs(now);
    if (budgetMs === 0) {
      if (hasRegular && retrying.length > 0) return retrying.shift();
      if (hasSlow && slow.length > 0) return slow.shift();
    } else if ((hasRegular && retrying.length > 0) || (hasSlow && slow.length > 0)) {
      this.#alarm.ringIn(budgetMs);
    }
    if (hasRegular && fresh.length > 0) return fresh.shift();
    // A lane whose request hangs still, and did not fail yet, needs no budget.
    if (hasSlow && slow.front?.isRetrying === false) return slow.shift();
    return undefined;
  }

  /**
   * What overstays says nothing of how many the host takes; only the connections are bounded with it, and some are out of
   * its reach: however many lanes hang, the others go on.
   */
  #hasRegular(): boolean {
    const { regular, overstaying } = this.#inFlight;
    const { min, max } = this.environment.policy.concurrency;
    return regular < this.#concurrency.limit && (regular + overstaying < max || regular < min);
  }

  #giveTurn(sender: Sender, now: number): void {
    const { isRetrying, isSlow } = sender;
    // It was something else when it asked.
    const hasSlots = isSlow ? this.#inFlight.slow < this.environment.policy.maxSlow : this.#hasRegular();
    if (!hasSlots || (isRetrying && this.#budget.waitMs(now) > 0)) {
      this.#lineUp(sender);
      return;
    }
    const dispatch = this.#nextOf(sender);
    if (dispatch === undefined) return;
    this.#breaker.admit(now);
    if (dispatch.isRetry) {
      this.#budget.take(now);
      this.environment.observer.onRetry(dispatch.request);
    } else {
      this.#budget.onFirstAttempt();
    }
    void this.#send(dispatch, sender, isSlow ? 'slow' : 'regular');
  }

  /** A fault in the making of a request costs its lane a turn, and nobody else anything. */
  #nextOf(sender: Sender): Dispatch | undefined {
    try {
      return sender.next();
    } catch (error) {
      this.environment.observer.onFault(error);
      return undefined;
    }
  }

  async #send(dispatch: Dispatch, sender: Sender, firstSlots: Slots): Promise<void> {
    const { clock, send, bytes, policy, signal } = this.environment;
    const { request, isRetry } = dispatch;
    const sentAt = clock.monotonic();
    let slots = firstSlots;
    this.#inFlight[slots] += 1;
    // What hangs holds up nobody by its bytes either. They are bounded all the same: by what may wait at all.
    let heldBytes = firstSlots === 'regular' ? request.bytes : 0;
    bytes.add(heldBytes);
    if (firstSlots === 'regular') this.#concurrency.onStart(sentAt, this.#inFlight.regular);
    const overstayMs = Math.max(minOverstayMs, overstayFactor * this.#usual.ms);
    const cancelOverstay = clock.schedule(overstayMs, () => {
      dispatch.onOverstay();
      if (slots !== 'regular') return;
      this.#inFlight.regular -= 1;
      if (this.#inFlight.slow < policy.maxSlow) slots = 'slow';
      else if (this.#inFlight.overstaying < policy.concurrency.max) slots = 'overstaying';
      this.#inFlight[slots] += 1;
      bytes.remove(heldBytes);
      heldBytes = 0;
      this.#serve();
    });
    let outcome: SendOutcome;
    try {
      outcome = await send(request, signal);
    } catch (error) {
      this.environment.observer.onFault(error);
      outcome = { type: 'retry', cause: 'network', detail: 'the sender failed' };
    }
    cancelOverstay();
    this.#inFlight[slots] -= 1;
    if (!signal.aborted) {
      const hasOverstayed = firstSlots === 'regular' && slots !== 'regular';
      this.#learn(outcome, sentAt, sender.target.key, isRetry);
      if (firstSlots === 'regular') {
        const now = clock.monotonic();
        this.#concurrency.onEnd(now, now - sentAt, isRetry ? 'ignored' : resultOf(outcome, hasOverstayed));
      }
    }
    if (outcome.type === 'delivered') this.#usual.onAnswer(clock.monotonic() - sentAt);
    try {
      dispatch.onOutcome(outcome, sentAt);
    } catch (error) {
      this.environment.observer.onFault(error);
    }
    // It need not stand behind lanes that hang any more.
    if (!sender.isSlow && this.#turns.slow.length > 0 && this.#turns.slow.remove(sender)) this.#lineUp(sender);
    bytes.remove(heldBytes);
    this.#serve();
  }

  #learn(outcome: SendOutcome, sentAt: number, lane: string, isRetry: boolean): void {
    const now = this.environment.clock.monotonic();
    const hasFailed = outcome.type === 'retry';
    // Whatever was answered was answered: only the lack of an answer and the answers that mean "later" are failures.
    if (hasFailed) this.#breaker.onFailure(outcome.cause === 'timeout' ? 'timeout' : 'failure', sentAt, now, lane);
    else this.#breaker.onSuccess();
    if (isRetry && outcome.type === 'throttled') this.#budget.refund();
  }
}

/**
 * What a request says of the host's load. One that overstayed says something of its lane: when all of them fail, that is
 * the breaker's affair, and when all are late that becomes usual, and they overstay no more.
 */
function resultOf(outcome: SendOutcome, hasOverstayed: boolean): RequestResult {
  if (hasOverstayed) return 'ignored';
  if (outcome.type === 'delivered') return 'ok';
  if (outcome.type !== 'retry') return 'ignored';
  return outcome.cause === 'timeout' ? 'timeout' : 'failed';
}
