/**
 * The most that any stretch of time has seen. It only counts, so that it can tell whether a limiter holds without
 * sharing a line with it.
 */
export class PeakWindow {
  #peak = 0;
  #total = 0;
  #counted: { readonly at: number; readonly count: number }[] = [];
  #head = 0;

  constructor(private readonly windowMs: number) {}

  get peak(): number {
    return this.#peak;
  }

  add(count: number, now: number): void {
    for (let oldest = this.#counted[this.#head]; oldest !== undefined; oldest = this.#counted[this.#head]) {
      if (oldest.at > now - this.windowMs) break;
      this.#total -= oldest.count;
      this.#head += 1;
    }
    if (this.#head > 1_000) {
      this.#counted = this.#counted.slice(this.#head);
      this.#head = 0;
    }
    this.#counted.push({ at: now, count });
    this.#total += count;
    this.#peak = Math.max(this.#peak, this.#total);
  }
}

/** One for each key. */
export class PeakWindows {
  readonly #windows = new Map<string, PeakWindow>();

  constructor(private readonly windowMs: number) {}

  /** Of any key. */
  get peak(): number {
    return Math.max(0, ...[...this.#windows.values()].map(({ peak }) => peak));
  }

  add(key: string, count: number, now: number): void {
    let window = this.#windows.get(key);
    if (window === undefined) this.#windows.set(key, (window = new PeakWindow(this.windowMs)));
    window.add(count, now);
  }
}
