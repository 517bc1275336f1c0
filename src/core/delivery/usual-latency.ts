/** How far one answer moves the estimate. */
const step = 0.05;

/**
 * How long answers usually take: a running median. A host that is slower for everybody becomes usual within some fifty
 * answers; a tenth of the lanes that is answered late, however late, is not, where an average would follow it.
 */
export class UsualLatency {
  #ms: number | undefined;

  /** 0 before the first answer. */
  get ms(): number {
    return this.#ms ?? 0;
  }

  onAnswer(ms: number): void {
    const before = this.#ms ?? ms;
    const change = ms === before ? 0 : ms > before ? step : -step;
    this.#ms = Math.max(1, before * (1 + change));
  }
}
