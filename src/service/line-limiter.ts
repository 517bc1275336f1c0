/**
 * Lets one log line per subject and minute through and counts the others, so that something that happens a thousand
 * times says so once. As many subjects are remembered as ever said something.
 */
export class LineLimiter {
  readonly #subjects = new Map<string, { shownAt: number; leftOut: number }>();

  constructor(
    private readonly intervalMs: number,
    /** Monotonic milliseconds. */
    private readonly now: () => number,
  ) {}

  /**
   * Asked for each line.
   *
   * @returns how many were left out since the last one that was let through; `undefined` where this one has to be.
   */
  admit(subject: string): number | undefined {
    const now = this.now();
    const known = this.#subjects.get(subject);
    if (known !== undefined && now - known.shownAt < this.intervalMs) {
      known.leftOut += 1;
      return undefined;
    }
    this.#subjects.set(subject, { shownAt: now, leftOut: 0 });
    return known?.leftOut ?? 0;
  }
}
