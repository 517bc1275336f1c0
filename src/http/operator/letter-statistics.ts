import { selectLetters } from '../../core/durable/select-letters.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import type { DeadLetters } from '../../core/store/store.js';

interface LetterCount {
  readonly connection: string;
  readonly reason: string;
  letters: number;
}

/** What `GET /dead-letters/stats` answers. */
export interface LetterStatistics {
  readonly letters: number;
  /** On disk. */
  readonly bytes: number;
  readonly oldestAt: string | null;
  /** The most frequent first. */
  readonly counts: readonly LetterCount[];
  /** Letters in `counts`; fewer than `letters` where there are too many to look at each: the oldest of them. */
  readonly counted: number;
}

/** Letters that are looked at to be counted, which takes the store a tenth of a second or so. */
const maxCounted = 10_000;

export async function letterStatistics(letters: DeadLetters): Promise<LetterStatistics> {
  const { letters: all, bytes, oldestAt } = await letters.stats();
  const counts = new Map<string, LetterCount>();
  let counted = 0;
  for await (const { letter } of selectLetters(letters, { filter: {} })) {
    if (letter === undefined) continue;
    if (counted === maxCounted) break;
    counted += 1;
    const key = `${letter.reason} ${letter.connection}`;
    const count = counts.get(key);
    if (count !== undefined) count.letters += 1;
    else counts.set(key, { connection: letter.connection, reason: letter.reason, letters: 1 });
  }
  return {
    letters: all,
    bytes,
    oldestAt: oldestAt === undefined ? null : toIsoUtc(oldestAt),
    counts: [...counts.values()].sort((one, other) => other.letters - one.letters),
    counted,
  };
}
