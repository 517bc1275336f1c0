export interface ConcurrencyPolicy {
  readonly min: number;
  /** The limit before the first answer. */
  readonly initial: number;
  readonly max: number;
  /** What is left of the limit when it shrinks, 0..1. */
  readonly decreaseRatio: number;
  /** It shrinks when a larger share of a period's requests failed, 0..1. */
  readonly failureShare: number;
  /** It shrinks when the latency is above so many times its long-run average, more than 1. */
  readonly latencyFactor: number;
}

/** `ignored`: says nothing about the host's load (throttled by a quota, refused, of a lane that is known to fail). */
export type RequestResult = 'ok' | 'failed' | 'timeout' | 'ignored';

/** A period is one latency long, so that it sees what the last change did, but not shorter than this. */
const minPeriodMs = 100;

/** Results in a period: of fewer, one failure would be a large share. */
const minResults = 5;

/** The latency is high only when it is above the average by so many times the usual distance of a request from it. */
const deviations = 2.5;

/** Weight of a new value in the averages. */
const weight = 0.1;

/** So many periods make the first average, each weighing the same: the first alone may be all luck. */
const firstPeriods = 10;

/** Latency of the requests of a period. */
interface Sample {
  readonly requests: number;
  readonly mean: number;
  /** Mean distance of a request from the mean. */
  readonly deviation: number;
}

/**
 * How many requests a host may have in flight, found by additive increase and multiplicative decrease, in the way of
 * Vector's adaptive request concurrency (https://vector.dev/docs/architecture/arc): once per period it grows by one
 * where the limit was reached and the host is well, and shrinks by a ratio where it answers slower than usual or fails.
 *
 * The hard part is what "usual" is. More requests than a host can work on wait there, so latency grows with the limit,
 * a little in each period; an average that followed it would call every latency usual, and the limit would never stop.
 * A host that is slower for good has to become usual all the same. So the average follows a latency that fell, but one
 * that rose by more than chance only when our own requests can't be the reason:
 * - while the limit was not reached: requests that the host can't keep up with would pile up until it is;
 * - while the limit is at its least: there is nothing left to take back.
 * What counts as too high is learned at the least limit only: within ⌈log(min / max) / log(decreaseRatio)⌉ periods the
 * limit is there, within 7 more any lasting latency is below twice the average (0.9^7 < 1/2), and the limit grows again.
 * A host that is slow because of us recovers on the way down and teaches nothing, however often it is tried.
 *
 * Measured with a factor of 2 against hosts that work on 4, 10, 20 and 30 requests at a time: the limit is 1.4 to 2.7
 * times that number on average (more only where `initial` was more from the beginning). Chance moves the average too:
 * for 10 at a time the limit is 18 in the first hour of being at capacity, 26 in the sixth. Without the allowance for
 * chance it would stay, but the average sinks to the luckiest periods: log-normal latencies of a host without any limit
 * then kept it at 44 … 64 of 64, with falls to 1.
 *
 * Times are milliseconds of a monotonic clock.
 */
export class AdaptiveConcurrency {
  #limit: number;
  #latencyMs: number | undefined;
  #usual: Sample | undefined;
  #learned = 0;
  #inFlight = 0;
  /** Of this period: since when, the most requests in flight, what came back. */
  #since: number | undefined;
  #peak = 0;
  #failed = 0;
  #latencies: number[] = [];

  constructor(private readonly policy: ConcurrencyPolicy) {
    this.#limit = Math.min(Math.max(policy.initial, policy.min), policy.max);
  }

  /** A whole number from `min` to `max`. */
  get limit(): number {
    return this.#limit;
  }

  /** Smoothed latency of the requests that were `ok`; 0 before the first. */
  get latencyMs(): number {
    return this.#latencyMs ?? 0;
  }

  /** @param inFlight requests in flight, with this one. */
  onStart(now: number, inFlight: number): void {
    this.#since ??= now;
    this.#inFlight = inFlight;
    this.#peak = Math.max(this.#peak, inFlight);
  }

  /** @param ms how long the request took. */
  onEnd(now: number, ms: number, result: RequestResult): void {
    this.#inFlight = Math.max(0, this.#inFlight - 1);
    switch (result) {
      case 'ignored':
        return;
      case 'ok':
        this.#latencyMs = this.#latencyMs === undefined ? ms : follow(this.#latencyMs, ms, weight);
        this.#latencies.push(ms);
        break;
      case 'failed':
      case 'timeout':
        // How long a failure took says nothing: it may be an instant, or just what we were ready to wait.
        this.#failed += 1;
        break;
    }
    this.#since ??= now;
    if (this.#failed + this.#latencies.length < minResults) return;
    if (now - this.#since >= Math.max(this.latencyMs, minPeriodMs)) this.#endPeriod(now);
  }

  #endPeriod(now: number): void {
    const isFailing = this.#failed > this.policy.failureShare * (this.#failed + this.#latencies.length);
    const sample = this.#latencies.length === 0 ? undefined : sampleOf(this.#latencies);
    const isSlow = sample !== undefined && this.#isSlow(sample);
    const isReached = this.#peak >= this.#limit;
    // Before the limit changes: the sample was taken under this one.
    if (sample !== undefined && !isFailing) this.#learn(sample, isSlow, isReached);
    if (isFailing || isSlow) this.#shrink();
    else if (isReached) this.#limit = Math.min(this.policy.max, this.#limit + 1);

    this.#since = now;
    // What is still in flight is a load of the next period too, even if nothing starts in it.
    this.#peak = this.#inFlight;
    this.#failed = 0;
    this.#latencies = [];
  }

  #isSlow({ mean }: Sample): boolean {
    if (this.#usual === undefined) return false;
    const noise = deviations * this.#usual.deviation;
    return mean > this.#usual.mean + Math.max(noise, (this.policy.latencyFactor - 1) * this.#usual.mean);
  }

  #learn(sample: Sample, isSlow: boolean, isReached: boolean): void {
    const usual = this.#usual ?? sample;
    const isNew = this.#learned < firstPeriods;
    // The standard error of a mean; 1.25 mean deviations are a standard deviation where requests scatter normally.
    const chance = (1.25 * usual.deviation) / Math.sqrt(sample.requests);
    const isOursToBlame = this.#limit > this.policy.min && (isReached || isSlow);
    if (!isNew && isOursToBlame && sample.mean > usual.mean + chance) return;
    this.#learned += 1;
    const share = Math.max(weight, 1 / this.#learned);
    this.#usual = {
      requests: sample.requests,
      mean: follow(usual.mean, sample.mean, share),
      deviation: follow(usual.deviation, sample.deviation, share),
    };
  }

  #shrink(): void {
    this.#limit = Math.max(this.policy.min, Math.floor(this.#limit * this.policy.decreaseRatio));
  }
}

function sampleOf(latencies: readonly number[]): Sample {
  let sum = 0;
  for (const ms of latencies) sum += ms;
  const mean = sum / latencies.length;
  let distance = 0;
  for (const ms of latencies) distance += Math.abs(ms - mean);
  return { requests: latencies.length, mean, deviation: distance / latencies.length };
}

/** Exponentially weighted moving average. */
function follow(average: number, value: number, share: number): number {
  return average + share * (value - average);
}
