import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { CulpritSearch, type PieceVerdict } from '../../../src/core/delivery/culprit-search.js';

interface Found {
  readonly pieces: readonly (readonly number[])[];
  readonly culprits: readonly number[];
  readonly clean: readonly number[];
  readonly unknown: readonly number[];
  readonly requests: number;
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

/** Searches 0 … count - 1; throws when it takes far more pieces than any search may. */
function search(
  count: number,
  first: 'refused' | 'tooLarge',
  verdictOf: (piece: readonly number[]) => PieceVerdict,
): Found {
  const found = new CulpritSearch(upTo(count), first);
  const pieces: (readonly number[])[] = [];
  const culprits: number[] = [];
  const clean: number[] = [];
  const unknown: number[] = [];
  for (let piece = found.next(); piece !== undefined; piece = found.next()) {
    if (found.next() !== piece) throw new Error('next() changed before report()');
    pieces.push(piece);
    if (pieces.length > 50 * count) throw new Error('the search does not end');
    const verdict = verdictOf(piece);
    if (verdict === 'clean') clean.push(...piece);
    else if (verdict === 'unknown') unknown.push(...piece);
    else if (piece.length === 1) culprits.push(...piece);
    found.report(verdict);
  }
  expect(found.requests).toBe(pieces.length + 1);
  expect(found.culprits).toBe(culprits.length);
  return { pieces, culprits, clean, unknown, requests: found.requests };
}

function searchFor(culprits: ReadonlySet<number>, count: number): Found {
  return search(count, 'refused', (piece) => (piece.some((item) => culprits.has(item)) ? 'refused' : 'clean'));
}

/** What the class promises. */
function mostRequests(count: number, culprits: number): number {
  const log = Math.log2(count);
  return 1 + culprits * (Math.ceil(log) + 2) + (culprits - 1) * (1.71 * log + 2);
}

function isAscending(numbers: readonly number[]): boolean {
  return numbers.every((number, index) => number > (numbers[index - 1] ?? -1));
}

/** A set of culprits: a few, many, or all in one place. */
const anyCulprits = fc.integer({ min: 2, max: 300 }).chain((count) => {
  const item = fc.integer({ min: 0, max: count - 1 });
  const burst = fc.tuple(item, item).map(([a, b]) => upTo(count).slice(Math.min(a, b), Math.max(a, b) + 1));
  const scattered = fc.oneof(fc.array(item, { minLength: 1, maxLength: 5 }), fc.array(item, { minLength: 1 }));
  return fc.record({ count: fc.constant(count), culprits: fc.oneof(scattered, burst).map((items) => new Set(items)) });
});

describe('a search for what is refused', () => {
  it('finds exactly the culprits, delivers every other item once, and keeps the order', () => {
    fc.assert(
      fc.property(anyCulprits, ({ count, culprits }) => {
        const found = searchFor(culprits, count);
        expect(new Set(found.culprits)).toEqual(culprits);
        expect(found.clean).toEqual(upTo(count).filter((item) => !culprits.has(item)));
        expect(isAscending(found.culprits)).toBe(true);
      }),
    );
  });

  it('sends from the front of what is undecided, never an item again that is decided', () => {
    fc.assert(
      fc.property(anyCulprits, ({ count, culprits }) => {
        let decided = 0;
        for (const piece of searchFor(culprits, count).pieces) {
          expect(piece[0]).toBe(decided);
          expect(piece.at(-1)).toBe(decided + piece.length - 1);
          const isRefused = piece.some((item) => culprits.has(item));
          if (!isRefused || piece.length === 1) decided += piece.length;
        }
        expect(decided).toBe(count);
      }),
    );
  });

  it('needs no more requests than it promises, whatever the culprits', () => {
    fc.assert(
      fc.property(anyCulprits, ({ count, culprits }) => {
        expect(searchFor(culprits, count).requests).toBeLessThanOrEqual(mostRequests(count, culprits.size));
      }),
      { numRuns: 500 },
    );
  });

  it('finds one culprit among a thousand, wherever it is, in 13 requests with the first one', () => {
    const requests = upTo(1_000).map((culprit) => searchFor(new Set([culprit]), 1_000).requests);
    expect(Math.max(...requests)).toBe(13);
    expect(Math.max(...requests)).toBeLessThanOrEqual(2 * Math.log2(1_000) + 1);
  });

  it.each([2, 3, 4, 5, 7, 64, 100, 513])('finds one culprit among %d in ⌈log2⌉ + 3 requests', (count) => {
    const requests = upTo(count).map((culprit) => searchFor(new Set([culprit]), count).requests);
    expect(Math.max(...requests)).toBeLessThanOrEqual(Math.ceil(Math.log2(count)) + 3);
  });

  it('sends the last suspect by itself: nobody is given up on by inference', () => {
    expect(searchFor(new Set([1]), 2).pieces).toEqual([[0], [1]]);
  });

  it('sends the rest in one piece behind the first culprit', () => {
    expect(searchFor(new Set([0]), 8).pieces).toEqual([[0, 1, 2, 3], [0, 1], [0], [1, 2, 3, 4, 5, 6, 7]]);
  });

  it('costs hardly more than one request per item where nearly all are culprits', () => {
    expect(searchFor(new Set(upTo(1_000)), 1_000).requests).toBeLessThanOrEqual(1_000 + 2 * 10);
  });

  it('gets used to a hundred culprits behind each other', () => {
    const burst = new Set(upTo(100).map((index) => 450 + index));
    expect(searchFor(burst, 1_000).requests).toBeLessThanOrEqual(200);
  });

  it('goes on when the destination takes everything the second time', () => {
    const found = search(1_000, 'refused', () => 'clean');
    expect(found.clean).toEqual(upTo(1_000));
    expect(found.requests).toBeLessThanOrEqual(12);
  });

  it('says what is undecided: what it has not reported on, from the front of the next piece on', () => {
    const found = new CulpritSearch(['a', 'b', 'c', 'd'], 'refused');
    expect(found.undecided).toEqual(['a', 'b', 'c', 'd']);
    for (const [verdict, left] of [
      ['refused', ['a', 'b', 'c', 'd']],
      ['refused', ['b', 'c', 'd']],
      ['clean', []],
    ] as const) {
      found.next();
      found.report(verdict);
      expect(found.undecided).toEqual(left);
    }
  });

  it('is for two items or more', () => {
    expect(() => new CulpritSearch([1], 'refused')).toThrow(RangeError);
  });

  it('throws where a verdict is reported on nothing', () => {
    const found = new CulpritSearch([1, 2], 'refused');
    expect(() => {
      found.report('clean');
    }).toThrow('next()');
  });
});

describe('a search in a request that is too large', () => {
  /** As the destination would: it reads no piece of more than `maxSize`, the items being as large as `sizeOf` says. */
  function searchBySize(count: number, maxSize: number, sizeOf: (item: number) => number): Found {
    return search(count, 'tooLarge', (piece) =>
      piece.reduce((sum, item) => sum + sizeOf(item), 0) > maxSize ? 'tooLarge' : 'clean',
    );
  }

  it('halves it, and blames nobody when the halves fit', () => {
    expect(searchBySize(10, 6, () => 1)).toMatchObject({ culprits: [], pieces: [upTo(5), [5, 6, 7, 8, 9]] });
  });

  it('gives up on an item only when it is too large alone', () => {
    expect(searchBySize(9, 5, (item) => (item === 4 ? 6 : 0.5))).toMatchObject({
      culprits: [4],
      clean: [0, 1, 2, 3, 5, 6, 7, 8],
    });
  });

  it('sends the others in large pieces behind an item that is too large alone', () => {
    const requests = upTo(1_000).map((giant) => searchBySize(1_000, 5_000, (item) => (item === giant ? 6_000 : 1)));
    expect(Math.max(...requests.map((found) => found.requests))).toBeLessThanOrEqual(25);
  });

  it('returns to large pieces behind a few big items that fit one by one', () => {
    const found = searchBySize(1_000, 1_200, (item) => (item < 4 ? 1_000 : 1));
    expect(found.culprits).toEqual([]);
    expect(found.requests).toBeLessThanOrEqual(60);
  });

  it('tries larger pieces less and less often where the limit is the same for all', () => {
    for (const most of [1, 2, 3, 7, 10, 100, 400]) {
      const needed = 1_000 / 2 ** Math.floor(Math.log2(most));
      const found = searchBySize(1_000, most, () => 1);
      expect(found.culprits).toEqual([]);
      expect(found.requests).toBeLessThanOrEqual(1.3 * needed + 25);
    }
  });
});

describe('a search with verdicts of every kind', () => {
  const anyVerdicts = fc.array(fc.constantFrom<PieceVerdict>('clean', 'refused', 'tooLarge', 'unknown'), {
    minLength: 1,
    maxLength: 300,
  });
  const anyFirst = fc.constantFrom('refused' as const, 'tooLarge' as const);

  it('ends, and decides every item once and in order, whatever the destination says', () => {
    fc.assert(
      fc.property(fc.integer({ min: 2, max: 200 }), anyFirst, anyVerdicts, (count, first, verdicts) => {
        let turn = 0;
        const found = search(count, first, () => verdicts[turn++ % verdicts.length] ?? 'clean');
        const decided = [...found.clean, ...found.unknown, ...found.culprits].sort((a, b) => a - b);
        expect(decided).toEqual(upTo(count));
        for (const items of [found.clean, found.unknown, found.culprits]) expect(isAscending(items)).toBe(true);
      }),
    );
  });

  it('knows nothing of the suspects behind a piece whose fate is unknown: the rest goes in one piece', () => {
    const verdicts: PieceVerdict[] = ['unknown', 'refused'];
    const found = search(8, 'refused', () => verdicts.pop() ?? 'clean');
    expect(found.pieces).toEqual([
      [0, 1, 2, 3],
      [0, 1],
      [2, 3, 4, 5, 6, 7],
    ]);
    expect(found.unknown).toEqual([0, 1]);
  });

  it('finds every culprit also where large pieces are not even read', () => {
    fc.assert(
      fc.property(anyCulprits, fc.integer({ min: 1, max: 100 }), ({ count, culprits }, most) => {
        const found = search(count, count > most ? 'tooLarge' : 'refused', (piece) => {
          if (piece.length > most) return 'tooLarge';
          return piece.some((item) => culprits.has(item)) ? 'refused' : 'clean';
        });
        expect(new Set(found.culprits)).toEqual(culprits);
        expect(found.clean).toEqual(upTo(count).filter((item) => !culprits.has(item)));
      }),
    );
  });
});
