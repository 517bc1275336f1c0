import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { PlannedItem, PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { PieceVerdict } from '../../../src/core/delivery/culprit-search.js';
import { deliverDivided } from '../../../src/core/delivery/deliver-divided.js';
import { lane } from '../../support/operations.js';
import { settled } from '../../support/virtual-clock.js';

/** What the destination says, with a text by which the saying is recognised. */
interface Said {
  readonly verdict: PieceVerdict;
  readonly text: string;
}

interface Delivered {
  /** Each entry and what it was told, in the order of telling. */
  readonly items: readonly (readonly [entry: number, said: Said])[];
  readonly sizes: readonly number[];
}

const clean: Said = { verdict: 'clean', text: 'HTTP 200' };
const refused: Said = { verdict: 'refused', text: 'HTTP 400' };
const tooLarge: Said = { verdict: 'tooLarge', text: 'HTTP 413' };
const unknown: Said = { verdict: 'unknown', text: 'no answer' };

/** An item of one entry, or one that several were merged into. */
function itemOf(...entries: readonly number[]): PlannedItem<number> {
  const text = entries.join('+');
  return { text, bytes: text.length, entries };
}

function compose(items: readonly PlannedItem<number>[]): PlannedRequest<number> {
  const body = `[${items.map((item) => item.text).join(',')}]`;
  return { lane, kind: 'track', stage: 0, path: '/t', body, bytes: body.length, items };
}

function takeApart(item: PlannedItem<number>): readonly PlannedItem<number>[] {
  return item.entries.map((entry) => itemOf(entry));
}

function upTo(count: number): readonly number[] {
  return Array.from({ length: count }, (_, index) => index);
}

function singles(count: number): readonly PlannedItem<number>[] {
  return upTo(count).map((number) => itemOf(number));
}

async function deliver(
  items: readonly PlannedItem<number>[],
  answer: (entries: readonly number[]) => Said,
  known?: Said,
): Promise<Delivered> {
  const told: [number, Said][] = [];
  const sizes: number[] = [];
  let isSending = false;
  await deliverDivided<number, Said>(
    compose(items),
    async (request) => {
      // One after the other: the second piece may depend on the first.
      expect(isSending).toBe(false);
      isSending = true;
      await settled();
      isSending = false;
      sizes.push(request.items.length);
      expect(request.body).toBe(compose(request.items).body);
      return answer(request.items.flatMap(({ entries }) => entries));
    },
    ({ verdict }) => verdict,
    { compose, takeApart },
    ({ entries }, said) => {
      for (const entry of entries) told.push([entry, said]);
    },
    known,
  );
  return { items: told, sizes };
}

/** Refuses every request with one of these entries in it. */
function refusing(culprits: ReadonlySet<number>): (entries: readonly number[]) => Said {
  return (entries) => (entries.some((entry) => culprits.has(entry)) ? refused : clean);
}

function blamed({ items }: Delivered): ReadonlySet<number> {
  return new Set(items.filter(([, { verdict }]) => verdict !== 'clean').map(([entry]) => entry));
}

describe('delivering a request', () => {
  it.each([clean, unknown])('is over where the destination says %j to all of it: nothing is divided', async (said) => {
    const { items, sizes } = await deliver(singles(5), () => said);
    expect(items).toEqual(upTo(5).map((entry) => [entry, said]));
    expect(sizes).toEqual([5]);
  });

  it.each([refused, tooLarge])('gives up a single item that the destination says %j to', async (said) => {
    expect(await deliver(singles(1), () => said)).toEqual({ items: [[0, said]], sizes: [1] });
  });

  it('finds one culprit among 1,000 in 13 requests and delivers the other 999', async () => {
    for (const culprit of [0, 617, 999]) {
      const all = await deliver(singles(1_000), refusing(new Set([culprit])));
      expect(all.items.map(([entry]) => entry)).toEqual(upTo(1_000));
      expect(all.items.filter(([, said]) => said !== clean)).toEqual([[culprit, refused]]);
      expect(all.sizes.length).toBeLessThanOrEqual(13);
    }
  });

  it('tells each item once, in order, and rejects exactly the culprits, wherever they are', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.integer({ min: 1, max: 70 }),
        fc.uniqueArray(fc.nat(69), { maxLength: 70, size: 'max' }),
        async (count, numbers) => {
          const culprits = new Set(numbers.filter((number) => number < count));
          const all = await deliver(singles(count), refusing(culprits));
          expect(all.items.map(([entry]) => entry)).toEqual(upTo(count));
          expect(blamed(all)).toEqual(culprits);
          expect(all.sizes.length).toBeLessThanOrEqual(2 * count - 1 + Math.log2(count) * culprits.size);
        },
      ),
    );
  });

  it('tells every item its own answer where every item is to blame', async () => {
    const { items } = await deliver(singles(9), (entries) => ({ ...refused, text: `of ${entries.join('+')}` }));
    expect(items).toEqual(upTo(9).map((entry) => [entry, { ...refused, text: `of ${entry}` }]));
  });

  it('makes pieces that fit of a request that is too large', async () => {
    const { items, sizes } = await deliver(singles(10), ({ length }) => (length > 3 ? tooLarge : clean));
    expect(items).toEqual(upTo(10).map((entry) => [entry, clean]));
    expect(sizes.slice(0, 3)).toEqual([10, 5, 3]);
    expect(sizes.length).toBeLessThanOrEqual(8);
  });

  it('gives up an item that is too large by itself, and only that one', async () => {
    const all = await deliver(singles(4), (entries) => (entries.includes(2) ? tooLarge : clean));
    expect(all.items).toEqual([
      [0, clean],
      [1, clean],
      [2, tooLarge],
      [3, clean],
    ]);
  });

  it('takes an unknown answer to a piece as the last word for its items, and goes on with the others', async () => {
    const { items, sizes } = await deliver(singles(4), (entries) => {
      if (entries.length === 4) return refused;
      return entries.includes(0) ? unknown : refusing(new Set([3]))(entries);
    });
    expect(sizes.slice(0, 2)).toEqual([4, 2]);
    expect(items).toEqual([
      [0, unknown],
      [1, unknown],
      [2, clean],
      [3, refused],
    ]);
  });

  it('does not send again what was sent already: the search begins with its pieces', async () => {
    const { items, sizes } = await deliver(singles(8), refusing(new Set([7])), refused);
    expect(sizes[0]).toBe(4);
    expect(items.map(([entry]) => entry)).toEqual(upTo(8));
    expect(await deliver(singles(8), refusing(new Set()), clean)).toMatchObject({ sizes: [] });
  });

  describe('with merged items', () => {
    it('takes apart the only item, so that none of its writes is given up for another', async () => {
      const { items, sizes } = await deliver([itemOf(1, 2, 3)], refusing(new Set([2])));
      expect(items).toEqual([
        [1, clean],
        [2, refused],
        [3, clean],
      ]);
      expect(sizes).toEqual([1, 1, 1, 1]);
    });

    it('takes apart an item that was found alone, and leaves those alone that were taken', async () => {
      const items = [itemOf(0, 1), itemOf(2, 3), itemOf(4), itemOf(5, 6)];
      const all = await deliver(items, refusing(new Set([2])));
      expect(all.items.map(([entry]) => entry)).toEqual(upTo(7));
      expect(blamed(all)).toEqual(new Set([2]));
    });

    it('tells each write once, whoever is to blame', async () => {
      await fc.assert(
        fc.asyncProperty(
          fc.array(fc.integer({ min: 1, max: 4 }), { minLength: 1, maxLength: 20, size: 'max' }),
          fc.uniqueArray(fc.nat(60), { maxLength: 60, size: 'max' }),
          async (sizes, numbers) => {
            let entry = 0;
            const items = sizes.map((size) => itemOf(...upTo(size).map(() => entry++)));
            const culprits = new Set(numbers.filter((number) => number < entry));
            const all = await deliver(items, refusing(culprits));
            expect(all.items.map(([each]) => each)).toEqual(upTo(entry));
            expect(blamed(all)).toEqual(culprits);
          },
        ),
      );
    });
  });
});
