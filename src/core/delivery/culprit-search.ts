/**
 * What the destination said to a piece. `clean`: it took it. `refused`: something in it is wrong. `tooLarge`: the piece
 * as such is. `unknown`: neither, and the caller tries it no more (given up on, expired, aborted).
 */
export type PieceVerdict = 'clean' | 'refused' | 'tooLarge' | 'unknown';

/**
 * Finds what is refused in a request that was refused as a whole, with few requests: adaptive group testing, in the
 * order of the items, because the pieces are deliveries too. The first culprit is found by halving; behind it the rest
 * goes in one piece, since one culprit is the usual case; behind every further one the pieces have the sizes of
 * generalized binary splitting (F. K. Hwang, "A Method for Detecting All Defective Members in a Population by Group
 * Testing", JASA 67, 1972, https://doi.org/10.1080/01621459.1972.10481257).
 *
 * Hwang knows how many culprits there are; here their density is read off the latest distances between them. Measured
 * with 1,000 items: against the density of all that is decided, culprits in random places cost the same within 6 %, and
 * a hundred behind each other (one bug, one moment) 132 to 159 requests where that one takes 507 to 532.
 *
 * Every item is decided once, and nobody is given up on by inference: a culprit was refused alone.
 *
 * With n items, k ≥ 1 culprits and no other verdicts than `clean` and `refused`, the whole request included:
 * at most 1 + k·(⌈log2 n⌉ + 2) + (k − 1)·(1.71·log2 n + 2) requests; for one in a thousand, 13. Halving takes ⌈log2 n⌉
 * pieces, one more where the last suspect is left by inference, and one to know that there is a culprit at all; the last
 * term is the clean pieces between two culprits, each of which is at least half as long as those before it together.
 */
export class CulpritSearch<Item> {
  readonly #items: readonly Item[];
  #decided = 0;
  /** So many items from the front of what is undecided hold a culprit for sure; 0 when nothing is known of them. */
  #suspects = 0;
  #culprits = 0;
  /** Items from one culprit to the next, the later ones counting more. */
  #distance = 0;
  /** Clean items since the last culprit. */
  #clean = 0;
  #requests = 1;
  #piece: readonly Item[] | undefined;
  readonly #sizeLimit = new SizeLimit();

  /** @param verdict what the destination said to all items together; there are at least two. */
  constructor(items: readonly Item[], verdict: 'refused' | 'tooLarge') {
    if (items.length < 2) throw new RangeError('a search needs two items: one that was refused alone is the culprit');
    this.#items = items;
    if (verdict === 'refused') this.#suspects = items.length;
    else this.#sizeLimit.onTooLarge(items.length);
  }

  /** Pieces reported, the whole request included. */
  get requests(): number {
    return this.#requests;
  }

  get culprits(): number {
    return this.#culprits;
  }

  /** The items that nothing is decided about, in their order. */
  get undecided(): readonly Item[] {
    return this.#items.slice(this.#decided);
  }

  /**
   * The items to send next, from the front of what is undecided; `undefined` when everything is decided. The same until
   * `report`.
   */
  next(): readonly Item[] | undefined {
    if (this.#piece === undefined && this.#decided < this.#items.length) {
      const size = this.#sizeLimit.cut(this.#suspects > 0 ? Math.ceil(this.#suspects / 2) : this.#untestedSize());
      this.#piece = this.#items.slice(this.#decided, this.#decided + size);
    }
    return this.#piece;
  }

  /** What became of the items of `next()`. A single one that is `refused` or `tooLarge` is a culprit, and decided. */
  report(verdict: PieceVerdict): void {
    const size = this.#piece?.length;
    if (size === undefined) throw new Error('nothing was sent: next() comes before report()');
    this.#piece = undefined;
    this.#requests += 1;
    switch (verdict) {
      case 'clean':
        // What the suspects hold is then in the others of them.
        this.#suspects = Math.max(0, this.#suspects - size);
        this.#decided += size;
        this.#clean += size;
        this.#sizeLimit.onClean(size);
        return;
      case 'unknown':
        this.#suspects = 0;
        this.#decided += size;
        return;
      case 'refused':
        if (size === 1) this.#blameFirst();
        else this.#suspects = size;
        return;
      case 'tooLarge':
        this.#sizeLimit.onTooLarge(size);
        if (size === 1) this.#blameFirst();
        return;
    }
  }

  #blameFirst(): void {
    const distance = this.#clean + 1;
    this.#distance = this.#culprits === 0 ? distance : (this.#distance + distance) / 2;
    this.#clean = 0;
    this.#culprits += 1;
    this.#decided += 1;
    // The suspects held one for sure, and it is found: of the others nothing is known.
    this.#suspects = 0;
  }

  /**
   * The size of a piece of which nothing is known. Hwang: of n items with d culprits, 2^⌊log2((n − d + 1) / d)⌋, or one
   * where most of them are culprits.
   */
  #untestedSize(): number {
    const rest = this.#items.length - this.#decided;
    if (this.#culprits < 2) return rest;
    const expected = rest / Math.max(this.#distance, this.#clean);
    const share = (rest - expected + 1) / expected;
    return share < 2 ? 1 : Math.min(rest, 2 ** Math.floor(Math.log2(share)));
  }
}

/**
 * How many items a piece may hold after some were too large. It halves with each that is; so that a few big items in
 * one place do not make all that follow go out one by one, it doubles when pieces of that size go through: after the
 * first, and after twice as many each time the larger size turned out to be too large again.
 */
class SizeLimit {
  #most = Infinity;
  #patience = 1;
  #clean = 0;
  #isTrying = false;

  cut(size: number): number {
    return Math.min(size, this.#most);
  }

  onTooLarge(size: number): void {
    if (this.#isTrying) this.#patience *= 2;
    this.#isTrying = false;
    this.#clean = 0;
    // An item that is too large alone explains every piece that it was in: they say nothing about the others.
    this.#most = size === 1 ? Infinity : Math.ceil(size / 2);
  }

  onClean(size: number): void {
    if (size < this.#most) return;
    this.#isTrying = false;
    this.#clean += 1;
    if (this.#clean < this.#patience) return;
    this.#clean = 0;
    this.#isTrying = true;
    this.#most *= 2;
  }
}
