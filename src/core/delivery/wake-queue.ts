interface Sleeper<Item> {
  readonly item: Item;
  readonly at: number;
}

/** Items by the moment at which each is due: a binary heap, logarithmic both ways. */
export class WakeQueue<Item> {
  readonly #heap: Sleeper<Item>[] = [];

  get size(): number {
    return this.#heap.length;
  }

  /** When the first one is due. */
  get next(): number | undefined {
    return this.#heap[0]?.at;
  }

  add(item: Item, at: number): void {
    const heap = this.#heap;
    let index = heap.length;
    const sleeper = { item, at };
    heap.push(sleeper);
    while (index > 0) {
      const parent = (index - 1) >> 1;
      const above = heap[parent];
      if (above === undefined || above.at <= at) break;
      heap[index] = above;
      index = parent;
    }
    heap[index] = sleeper;
  }

  /** Takes out the one that is due first. */
  take(): Item | undefined {
    const heap = this.#heap;
    const [first] = heap;
    const last = heap.pop();
    if (first === undefined || last === undefined) return undefined;
    if (heap.length > 0) this.#sink(last);
    return first.item;
  }

  /** Puts the sleeper in at the root and lets it sink to its place. */
  #sink(sleeper: Sleeper<Item>): void {
    const heap = this.#heap;
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      let below = heap[child];
      const right = heap[child + 1];
      if (below !== undefined && right !== undefined && right.at < below.at) {
        below = right;
        child += 1;
      }
      if (below === undefined || below.at >= sleeper.at) break;
      heap[index] = below;
      index = child;
    }
    heap[index] = sleeper;
  }
}
