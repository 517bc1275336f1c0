import { retryDelayMs } from './back-off.js';
import { Breaker, type BreakerState } from './breaker.js';
import type { LanePolicy } from './delivery-policy.js';
import type { SendOutcome } from './reply.js';

/**
 * Whether a lane may send.
 *
 * - `flowing`: it may.
 * - `waiting`: the last attempt failed; not before the back-off is over, and not while the breaker is open.
 * - `throttled`: the destination asked to slow down; not before the time it named, or the back-off.
 * - `halted`: the destination says that the lane's setting is wrong; tried again from time to time.
 * - `paused`: too much is rejected; not before a person says so.
 */
export type LaneMode = (typeof laneModes)[number];

export const laneModes = ['flowing', 'waiting', 'throttled', 'halted', 'paused'] as const;

/** Only a person ends a pause. Everything else follows from the last answer. */
const nextModes: Readonly<Record<LaneMode, readonly LaneMode[]>> = {
  flowing: ['waiting', 'throttled', 'halted', 'paused'],
  waiting: ['flowing', 'throttled', 'halted', 'paused'],
  throttled: ['flowing', 'waiting', 'halted', 'paused'],
  halted: ['flowing', 'waiting', 'throttled', 'paused'],
  paused: ['flowing'],
};

export interface HealthEvents {
  onTransition(from: LaneMode, to: LaneMode): void;
  onBreaker(from: BreakerState, to: BreakerState): void;
}

/** A reply that asks to wait, and how long the lane does. */
export interface Wait {
  readonly cause: 'retry' | 'throttled' | 'halted';
  readonly ms: number;
}

/** Longest wait after the host has recovered: spread, so that its lanes do not come back together. */
const recoverySpreadMs = 1_000;

/**
 * How a lane is doing, made of its replies alone.
 *
 * It is in one mode at a time. A failure leads to `waiting`, a request to slow down to `throttled`, a wrong setting to
 * `halted`; once the wait is over the lane sends one request, half as large as the last one, and the reply decides:
 * delivered or rejected means `flowing` again, the rest means another, longer wait. So a lane with one operation that the
 * destination chokes on gets smaller and smaller requests until the others pass. Replies to requests that left before
 * the mode was entered don't change it: a volley of failures is one failure. `paused` is entered by the poison guard and
 * left by `resume` only. Pure but for the clock and randomness that are handed in.
 */
export class LaneHealth {
  readonly #breaker: Breaker;
  #mode: LaneMode = 'flowing';
  #since = 0;
  #resumeAt = 0;
  #failures = 0;
  #throttles = 0;
  #maxItems: number;
  #isSlow = false;
  #deliveredAt = -Infinity;
  #haltedUntil = -Infinity;
  #lastError: { readonly detail: string; readonly at: number } | undefined;

  constructor(
    private readonly policy: LanePolicy,
    private readonly random: () => number,
    private readonly events: HealthEvents,
    private readonly name: string,
  ) {
    this.#maxItems = policy.batch.maxItems;
    this.#breaker = new Breaker(policy.breaker, random, (from, to) => {
      events.onBreaker(from, to);
    });
  }

  get mode(): LaneMode {
    return this.#mode;
  }

  get breaker(): BreakerState {
    return this.#breaker.state;
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures;
  }

  /** Its last request hung. */
  get isSlow(): boolean {
    return this.#isSlow;
  }

  get lastError(): { readonly detail: string; readonly at: number } | undefined {
    return this.#lastError;
  }

  /** When something was delivered last. */
  get deliveredAt(): number {
    return this.#deliveredAt;
  }

  /** When the lane was halted last; what it waited then does not make its operations older. */
  get haltedUntil(): number {
    return this.#haltedUntil;
  }

  /** Items of one request, at most. */
  get maxItems(): number {
    return this.#maxItems;
  }

  /** After a reply that asked to wait there is one request at a time, until one is delivered. */
  get isCautious(): boolean {
    return this.#mode !== 'flowing';
  }

  /** Milliseconds until a request may go; 0 when it may now, Infinity when only a reply or a person changes that. */
  waitMs(now: number): number {
    if (this.#mode === 'paused') return Infinity;
    return Math.max(0, this.#resumeAt - now, this.#breaker.waitMs(now));
  }

  /** A request is about to leave. */
  onSend(now: number): void {
    this.#breaker.admit(now);
  }

  /** The destination took a request, or said what is wrong with it. */
  onTaken(isDelivered: boolean, sentAt: number, now: number): void {
    this.#isSlow = false;
    this.#failures = 0;
    this.#breaker.onSuccess();
    if (isDelivered) {
      this.#deliveredAt = now;
      this.#maxItems = Math.min(this.policy.batch.maxItems, this.#maxItems * 2);
    }
    if (sentAt < this.#since) return;
    this.#throttles = 0;
    if (this.#mode !== 'paused') this.#enter('flowing', now, 0);
  }

  /**
   * The destination took nothing, for a reason that is not in the request.
   *
   * @param items of the request.
   * @returns the wait that begins, where it is not part of one that began already.
   */
  onRefused(
    outcome: Extract<SendOutcome, { type: 'retry' | 'throttled' | 'halted' }>,
    items: number,
    sentAt: number,
    now: number,
  ): Wait | undefined {
    this.#lastError = { detail: outcome.detail, at: now };
    if (outcome.type === 'retry') {
      const isTimeout = outcome.cause === 'timeout';
      this.#isSlow = isTimeout;
      this.#breaker.onFailure(isTimeout ? 'timeout' : 'failure', sentAt, now, this.name);
    } else {
      this.#isSlow = false;
      this.#breaker.onNeutral(sentAt, now);
    }
    if (this.#mode === 'paused' || sentAt < this.#since) return undefined;
    this.#maxItems = Math.max(1, Math.ceil(Math.min(items, this.#maxItems) / 2));
    const ms = this.#nextWaitMs(outcome, now);
    this.#enter(outcome.type === 'retry' ? 'waiting' : outcome.type, now, ms);
    return { cause: outcome.type, ms };
  }

  onRejected(detail: string, now: number): void {
    this.#lastError = { detail, at: now };
  }

  /** The destination failed on one operation alone, as before, while it took others: that says nothing of the lane. */
  onChoked(detail: string, sentAt: number, now: number): void {
    this.#lastError = { detail, at: now };
    this.#breaker.onNeutral(sentAt, now);
  }

  pause(now: number): void {
    if (this.#mode !== 'paused') this.#enter('paused', now, 0);
  }

  /** A person says that it is well: whatever the lane waits for, it tries at once. */
  resume(now: number): void {
    this.#breaker.onSuccess();
    this.#resumeAt = now;
    if (this.#mode === 'paused') this.#enter('flowing', now, 0);
  }

  /** Others were answered by the same host after an outage: a lane that waits because of failures need not wait long. */
  onHostRecovered(now: number): void {
    if (this.#mode !== 'waiting') return;
    this.#resumeAt = Math.min(this.#resumeAt, now + this.random() * recoverySpreadMs);
    this.#breaker.probeBy(this.#resumeAt);
  }

  #nextWaitMs(outcome: Extract<SendOutcome, { type: 'retry' | 'throttled' | 'halted' }>, now: number): number {
    const { retry } = this.policy;
    switch (outcome.type) {
      case 'halted':
        return retry.haltedMs;
      case 'throttled':
        return retryDelayMs(retry, this.#throttles++, outcome.afterMs, this.random());
      case 'retry': {
        const ms = retryDelayMs(retry, this.#failures++, outcome.afterMs, this.random());
        return Math.max(ms, this.#breaker.waitMs(now));
      }
    }
  }

  /** The one place where the mode changes. */
  #enter(mode: LaneMode, now: number, ms: number): void {
    this.#resumeAt = now + ms;
    const from = this.#mode;
    if (mode === 'flowing' && from === 'flowing') return;
    this.#since = now;
    if (from === 'halted') this.#haltedUntil = now;
    if (mode === from) return;
    if (!nextModes[from].includes(mode)) throw new Error(`a lane can't go from ${from} to ${mode}`);
    this.#mode = mode;
    this.events.onTransition(from, mode);
  }
}
