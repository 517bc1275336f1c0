/** Buffers that are kept for the next request, and the longest that is kept. */
const maxKept = 4;
const maxKeptBytes = 8 * 1024 * 1024;
const smallest = 64 * 1024;

/**
 * Buffers for request bodies, used again and again. Bodies of some MB that live for a moment are memory that the garbage
 * collector does not see grow: with a thousand events per request it cost 30 MB more (Node 20.20).
 */
export class BufferPool {
  readonly #kept: Buffer[] = [];

  /** A buffer of at least `bytes`, with anything in it. */
  take(bytes: number): Buffer {
    const index = this.#kept.findIndex((buffer) => buffer.length >= bytes);
    const [found] = index < 0 ? [] : this.#kept.splice(index, 1);
    return found ?? Buffer.allocUnsafeSlow(Math.max(smallest, 2 ** Math.ceil(Math.log2(Math.max(bytes, 1)))));
  }

  /** Gives a taken buffer back; nobody may look at it any more. */
  give(buffer: Buffer): void {
    if (this.#kept.length < maxKept && buffer.length >= smallest && buffer.length <= maxKeptBytes)
      this.#kept.push(buffer);
  }
}
