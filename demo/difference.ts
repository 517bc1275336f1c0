import type { Listing, ListingDigest } from './listing.js';
import { digestOf } from './listing.js';

/** One thing that is not as it should be. */
export interface Difference {
  readonly what: string;
  readonly expected: string;
  readonly received: string;
  /** Lines that are missing (`-`) or should not be there (`+`), as far as they are known. */
  readonly lines: readonly string[];
}

const shownLines = 6;

export function compareValues(what: string, expected: string | number, received: string | number): Difference[] {
  if (expected === received) return [];
  return [{ what, expected: String(expected), received: String(received), lines: [] }];
}

/** Compares key by key; a key that one side lacks counts as 0 there. */
export function compareCounts(
  what: string,
  expected: Readonly<Record<string, number>>,
  received: Readonly<Record<string, number>>,
): Difference[] {
  const keys = new Set([...Object.keys(expected), ...Object.keys(received)]);
  return [...keys].flatMap((key) =>
    compareValues(`${what}: ${key === '' ? '(none)' : key}`, expected[key] ?? 0, received[key] ?? 0),
  );
}

/**
 * Compares by size and digest, which is exact.
 *
 * @param known the expected lines, when somebody has them; only used to say what exactly differs.
 */
export function compareListing(
  what: string,
  expected: ListingDigest,
  received: Listing,
  known: Listing | undefined,
): Difference[] {
  const actual = digestOf(received);
  if (actual.count === expected.count && actual.sha256 === expected.sha256) return [];
  const lines = known === undefined ? [] : changedLines(known, received);
  return [{ what, expected: shown(expected), received: shown(actual), lines }];
}

function shown({ count, sha256 }: ListingDigest): string {
  return `${count}, sha256 ${sha256.slice(0, 16)}…`;
}

function changedLines(expected: Listing, received: Listing): string[] {
  const changed = [
    ...lessLines(expected, received).map((line) => `- ${line}`),
    ...lessLines(received, expected).map((line) => `+ ${line}`),
  ];
  // A line that changed shows up on both sides: sorted by content, the two stand together.
  changed.sort((a, b) => (a.slice(2) < b.slice(2) ? -1 : 1));
  const more = changed.length - shownLines;
  return more > 0 ? [...changed.slice(0, shownLines), `… and ${more} more`] : changed;
}

/** The lines of the first listing without those of the second, each as often as it is there. */
function lessLines(from: Listing, taken: Listing): string[] {
  const counts = new Map<string, number>();
  for (const line of taken) counts.set(line, (counts.get(line) ?? 0) + 1);
  return from.filter((line) => {
    const count = counts.get(line) ?? 0;
    if (count > 0) counts.set(line, count - 1);
    return count === 0;
  });
}
