export type BreakerState = 'closed' | 'open' | 'halfOpen';

export interface BreakerPolicy {
  /** So many failures without a success between them open it. A timeout is a failure too. */
  readonly failures: number;
  /** So many timeouts without a success between them open it: fewer, since each holds a connection for long. */
  readonly timeouts: number;
  /** The failures, or the timeouts, must come from at least so many different sources; 1 for a lane's own breaker. */
  readonly lanes: number;
  /** The first time it stays open for baseMs / 2 … baseMs; each time in a row doubles that. */
  readonly baseMs: number;
  /** Longest time that it ever stays open. */
  readonly capMs: number;
}

type Position =
  | { readonly type: 'closed' }
  | { readonly type: 'open'; readonly dueAt: number }
  | { readonly type: 'halfOpen'; readonly since: number };

/**
 * Keeps requests from a destination that fails, and finds out with one request at a time when it is well again
 * (M. Nygard, "Release It!"; https://martinfowler.com/bliki/CircuitBreaker.html).
 *
 * - `closed`: every request may go. → `open` when the failures or the timeouts since the last success are as many, and
 *   from as many sources, as the policy says.
 * - `open`: none may go until the time is up. → `halfOpen` when a request is admitted after that; → `closed` when one
 *   succeeds that left before it opened. Failures of such requests say nothing new.
 * - `halfOpen`: the admitted request is the probe, and no other may go. → `closed` when any request succeeds; → `open`
 *   for longer when the probe fails; → `open`, due at once, when the probe says nothing about health. So whoever is
 *   admitted must report what became of it: else it stays here.
 *
 * How long it stays open is random between the half and the whole of min(cap, base · 2^n), n being how often it was
 * opened before without a success: breakers that opened together do not probe together.
 *
 * Times are milliseconds of a monotonic clock.
 */
export class Breaker {
  #position: Position = { type: 'closed' };
  #openings = 0;
  readonly #failures: Streak;
  readonly #timeouts: Streak;

  constructor(
    private readonly policy: BreakerPolicy,
    private readonly random: () => number,
    private readonly onChange: (from: BreakerState, to: BreakerState) => void,
  ) {
    this.#failures = new Streak(policy.failures, policy.lanes);
    this.#timeouts = new Streak(policy.timeouts, policy.lanes);
  }

  get state(): BreakerState {
    return this.#position.type;
  }

  /** Milliseconds until a probe may go; 0 when a request may go now; Infinity while a probe is on its way. */
  waitMs(now: number): number {
    switch (this.#position.type) {
      case 'closed':
        return 0;
      case 'open':
        return Math.max(0, this.#position.dueAt - now);
      case 'halfOpen':
        return Infinity;
    }
  }

  /** Asked right before each request is sent: may it go? Where it is open and the time is up, the request is the probe. */
  admit(now: number): boolean {
    if (this.waitMs(now) > 0) return false;
    if (this.#position.type === 'open') this.#move({ type: 'halfOpen', since: now });
    return true;
  }

  /** There is reason to think that it is well again: the next probe may go at that moment, if not before. */
  probeBy(at: number): void {
    const { type } = this.#position;
    if (type === 'open') this.#position = { type, dueAt: Math.min(this.#position.dueAt, at) };
  }

  /** Closes it, whichever request succeeded: also one that left before it opened. */
  onSuccess(): void {
    this.#openings = 0;
    this.#failures.reset();
    this.#timeouts.reset();
    if (this.#position.type !== 'closed') this.#move({ type: 'closed' });
  }

  /**
   * @param sentAt when the request left. Failures of requests that left before the last counted failure are one with
   *   it: a volley of eight that meets one hiccup is one failure, not eight.
   * @param source whose request it was, for `policy.lanes`.
   */
  onFailure(cause: 'failure' | 'timeout', sentAt: number, now: number, source: string): void {
    switch (this.#position.type) {
      case 'closed':
        this.#failures.add(sentAt, now, source);
        if (cause === 'timeout') this.#timeouts.add(sentAt, now, source);
        if (this.#failures.isLong() || this.#timeouts.isLong()) this.#open(now);
        return;
      case 'open':
        return;
      case 'halfOpen':
        if (sentAt >= this.#position.since) this.#open(now);
        return;
    }
  }

  /** The request came back without saying anything about health (throttled, held back by a limiter, aborted). */
  onNeutral(sentAt: number, now: number): void {
    if (this.#position.type !== 'halfOpen' || sentAt < this.#position.since) return;
    this.#move({ type: 'open', dueAt: now });
  }

  #open(now: number): void {
    // 2 ** 52 is beyond every cap; the bound keeps the power finite.
    const longest = Math.min(this.policy.capMs, this.policy.baseMs * 2 ** Math.min(this.#openings, 52));
    this.#openings += 1;
    this.#move({ type: 'open', dueAt: now + (longest / 2) * (1 + this.random()) });
  }

  #move(to: Position): void {
    const from = this.#position.type;
    this.#position = to;
    this.onChange(from, to.type);
  }
}

/** Failures since the last success, and whose they were. */
class Streak {
  #count = 0;
  #countedAt = -Infinity;
  /** Never more than `lanes`. */
  readonly #sources = new Set<string>();

  constructor(
    private readonly enough: number,
    private readonly lanes: number,
  ) {}

  add(sentAt: number, now: number, source: string): void {
    // Of a volley that counts once every source counts: else lanes that fail together would look like one.
    if (this.#sources.size < this.lanes) this.#sources.add(source);
    if (sentAt < this.#countedAt) return;
    this.#count += 1;
    this.#countedAt = now;
  }

  isLong(): boolean {
    return this.#count >= this.enough && this.#sources.size >= this.lanes;
  }

  reset(): void {
    this.#count = 0;
    this.#countedAt = -Infinity;
    this.#sources.clear();
  }
}
