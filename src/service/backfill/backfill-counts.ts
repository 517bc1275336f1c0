/** What became of the lines of a file. */
export interface BackfillCounts {
  /** All of them. */
  readonly lines: number;
  readonly blank: number;
  /** Events that are stored, or at Heap. */
  readonly taken: number;
  /** Events that had been stored before. */
  readonly repeats: number;
  /** Events that were rejected, by reason. */
  readonly rejected: Readonly<Record<string, number>>;
  /** Events that there is nothing to send for, by reason. */
  readonly dropped: Readonly<Record<string, number>>;
}

export const noCounts: BackfillCounts = Object.freeze({
  lines: 0,
  blank: 0,
  taken: 0,
  repeats: 0,
  rejected: Object.freeze({}),
  dropped: Object.freeze({}),
});

export function sumOf(byReason: Readonly<Record<string, number>>): number {
  return Object.values(byReason).reduce((sum, count) => sum + count, 0);
}
