export interface BatchBounds {
  readonly maxItems: number;
  readonly maxBytes: number;
}

/**
 * Collects items and sends them batch by batch, one after the other, so that they arrive in their order whatever a batch
 * has to wait for. The next batch is collected while one is under way.
 */
export class OrderedBatches<Item> {
  #batch: Item[] = [];
  #bytes = 0;
  #underWay: Promise<void> = Promise.resolve();

  /** @param send rejects when nothing more shall be sent; whoever adds next, or flushes, hears of it. */
  constructor(
    private readonly bounds: BatchBounds,
    private readonly send: (items: readonly Item[]) => Promise<void>,
  ) {}

  /** Resolves, where there is something to wait for, when there is room for the next item. */
  add(item: Item, bytes: number): Promise<void> | undefined {
    const isFull =
      this.#batch.length > 0 &&
      (this.#batch.length >= this.bounds.maxItems || this.#bytes + bytes > this.bounds.maxBytes);
    const sent = isFull ? this.#dispatch() : undefined;
    this.#batch.push(item);
    this.#bytes += bytes;
    return sent;
  }

  /** Sends what is there; resolves when all of it has arrived. */
  async flush(): Promise<void> {
    if (this.#batch.length > 0) await this.#dispatch();
    await this.#underWay;
  }

  /** Resolves when nothing is under way, however it went. */
  async idle(): Promise<void> {
    await this.#underWay.catch(() => undefined);
  }

  #dispatch(): Promise<void> {
    const batch = this.#batch;
    const before = this.#underWay;
    this.#batch = [];
    this.#bytes = 0;
    this.#underWay = before.then(() => this.send(batch));
    // A failure is told to whoever waits for it next.
    this.#underWay.catch(() => undefined);
    return before;
  }
}
