/** How many retries there may be. */
export interface RetryBudgetPolicy {
  /** Retries that each first attempt pays for: 0.1 is one retry for ten first attempts. */
  readonly ratio: number;
  /** Retries per second that need no first attempt: the floor when everything fails. */
  readonly perSecond: number;
  /** Retries that may go at once after a quiet time; at least 1. */
  readonly burst: number;
}

/** What is within this of a whole token is one: ten times 0.1 adds up to a little less than 1. */
const rounding = 1e-6;

/**
 * Keeps retries from becoming the load that keeps a destination down: in any run there are at most
 * ratio × first attempts + perSecond × seconds + burst of them.
 *
 * A token bucket that starts full with `burst` tokens and never holds more. First attempts pay in a share of a token
 * and time a steady trickle, as in Finagle's RetryBudget (https://finagle.github.io/blog/2016/02/08/retry-budgets). A
 * retry takes one token, whatever becomes of it, but for one that was throttled: that is no failure, and the destination
 * said when to come.
 *
 * `now` is monotonic, in milliseconds.
 */
export class RetryBudget {
  readonly #policy: RetryBudgetPolicy;
  #tokens: number;
  #refilledAt: number;

  /** @throws RangeError for a burst under 1: no retry would ever go. */
  constructor(policy: RetryBudgetPolicy, now: number) {
    if (!(policy.burst >= 1)) throw new RangeError(`a retry budget with a burst of ${policy.burst} allows no retry`);
    this.#policy = policy;
    this.#tokens = policy.burst;
    this.#refilledAt = now;
  }

  /** A request goes out for the first time. */
  onFirstAttempt(): void {
    this.#deposit(this.#policy.ratio);
  }

  /**
   * Whole milliseconds until a retry may go by the trickle alone, 0 when it may now. Infinity without a trickle: then
   * only first attempts pay.
   */
  waitMs(now: number): number {
    this.#refill(now);
    if (this.#hasOne()) return 0;
    return Math.ceil(((1 - rounding / 2 - this.#tokens) / this.#policy.perSecond) * 1000);
  }

  /** A retry wants to go. True takes its token. */
  take(now: number): boolean {
    this.#refill(now);
    if (!this.#hasOne()) return false;
    this.#tokens -= 1;
    return true;
  }

  /** A retry was throttled. */
  refund(): void {
    this.#deposit(1);
  }

  /** From 0 to `burst`. */
  tokens(now: number): number {
    this.#refill(now);
    return Math.max(0, this.#tokens);
  }

  #hasOne(): boolean {
    return this.#tokens >= 1 - rounding;
  }

  #refill(now: number): void {
    if (now <= this.#refilledAt) return;
    this.#deposit(((now - this.#refilledAt) / 1000) * this.#policy.perSecond);
    this.#refilledAt = now;
  }

  #deposit(tokens: number): void {
    this.#tokens = Math.min(this.#policy.burst, this.#tokens + tokens);
  }
}
