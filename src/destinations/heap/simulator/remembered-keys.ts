/**
 * A set of strings with bounded memory: at least the last `keep` keys are remembered, at most twice as many are held.
 * Heap publishes no lifetime for idempotency keys; they become event ids, so presumably they never expire.
 */
export class RememberedKeys {
  private current = new Set<string>();
  private previous = new Set<string>();

  constructor(private readonly keep: number) {}

  /** Remembers the key; false when it was known already. */
  add(key: string): boolean {
    if (this.current.has(key) || this.previous.has(key)) return false;
    if (this.current.size >= this.keep) {
      this.previous = this.current;
      this.current = new Set();
    }
    this.current.add(key);
    return true;
  }
}
