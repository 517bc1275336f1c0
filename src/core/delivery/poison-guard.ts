import { refusalSignature } from './refusal-signature.js';

/** When refusals are a bug that a person must see, and no single poisoned operations. */
export interface PoisonPolicy {
  /** More than this share of the operations looked at, 0..1. */
  readonly share: number;
  /** Fewer decided operations say nothing. */
  readonly atLeast: number;
  /** So many of the latest decided operations are looked at. */
  readonly window: number;
}

/** Of the latest `decided` operations `rejected` were refused in the same words. */
export interface PoisonFinding {
  readonly signature: string;
  readonly rejected: number;
  readonly decided: number;
}

/**
 * Watches what becomes of a lane's operations, and finds when a large share of them is suddenly rejected for one new
 * reason: then the mapping or the sender has a bug, and giving up on the events one by one would lose what is good.
 *
 * Looks at the latest `window` decided operations. Memory is bounded by it, and the time per operation is constant.
 */
export class PoisonGuard {
  /** A ring of the latest decisions: the signature of the refusal, `undefined` for a delivery. */
  readonly #latest: (string | undefined)[] = [];
  #next = 0;
  readonly #rejected = new Map<string, number>();
  readonly #accepted = new Set<string>();

  constructor(private readonly policy: PoisonPolicy) {}

  onDelivered(count: number): void {
    for (let left = Math.min(count, this.policy.window); left > 0; left -= 1) this.#push(undefined);
  }

  /**
   * @param detail the destination's words.
   * @returns a finding when, of the last `atLeast` … `window` decided operations, more than `share` were rejected with
   *   this signature and nobody has accepted it. Again with each further one, until it is accepted.
   */
  onRejected(detail: string): PoisonFinding | undefined {
    const signature = refusalSignature(detail);
    this.#push(signature);
    const decided = this.#latest.length;
    const rejected = this.#rejected.get(signature) ?? 0;
    const isFinding = decided >= this.policy.atLeast && rejected > this.policy.share * decided;
    return isFinding && !this.#accepted.has(signature) ? { signature, rejected, decided } : undefined;
  }

  /**
   * A person looked: this signature is a finding no more until it was rare for a while, and counting starts afresh. Words
   * say little (Heap's documented refusal has none), so what comes back later may well be another bug.
   */
  accept(signature: string): void {
    this.#accepted.add(signature);
    this.#latest.length = 0;
    this.#next = 0;
    this.#rejected.clear();
  }

  #push(signature: string | undefined): void {
    this.#forget(this.#latest[this.#next]);
    this.#latest[this.#next] = signature;
    this.#next = (this.#next + 1) % this.policy.window;
    if (this.#next === 0 && this.#latest.length === this.policy.window) this.#forgetRare();
    if (signature !== undefined) this.#rejected.set(signature, (this.#rejected.get(signature) ?? 0) + 1);
  }

  /** Once per window: what was accepted and is rare by now is new again when it comes back. */
  #forgetRare(): void {
    for (const signature of this.#accepted) {
      const share = (this.#rejected.get(signature) ?? 0) / this.policy.window;
      if (share <= this.policy.share / 2) this.#accepted.delete(signature);
    }
  }

  #forget(signature: string | undefined): void {
    if (signature === undefined) return;
    const count = this.#rejected.get(signature) ?? 0;
    if (count > 1) this.#rejected.set(signature, count - 1);
    else this.#rejected.delete(signature);
  }
}
