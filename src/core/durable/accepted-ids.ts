/**
 * Ids of events that were accepted lately: a sender that did not get its answer sends the same again within minutes. Best
 * effort, in bounded memory: two generations, of which the older one is forgotten when the younger is full. What slips
 * through is delivered twice under one idempotency key, and counted once by the destination.
 */
export class AcceptedIds {
  #young = new Set<string>();
  #old = new Set<string>();

  /** @param max ids that are surely remembered. */
  constructor(private readonly max: number) {}

  has(id: string): boolean {
    return this.#young.has(id) || this.#old.has(id);
  }

  add(id: string): void {
    if (this.max === 0) return;
    this.#young.add(id);
    if (this.#young.size < this.max) return;
    this.#old = this.#young;
    this.#young = new Set();
  }
}
