/** Entries that are kept, and the longest bytes that one may have. */
const maxKept = 8;
const maxBytes = 64 * 1024;

interface Kept<T> {
  readonly bytes: Buffer;
  readonly value: T;
}

/** What was made of bytes that came again and again: rudder-server sends the same destinations with every request. */
export class RecentBytes<T> {
  /** The one that was used last comes first. */
  readonly #kept: Kept<T>[] = [];

  /** What was made of the same bytes lately; otherwise it is made now. */
  get(body: Buffer, start: number, end: number, make: () => T): T {
    const index = this.#kept.findIndex(
      ({ bytes }) => bytes.length === end - start && body.compare(bytes, 0, bytes.length, start, end) === 0,
    );
    const found = this.#kept[index];
    if (found !== undefined) {
      if (index > 0) this.#kept.unshift(...this.#kept.splice(index, 1));
      return found.value;
    }
    const value = make();
    if (end - start <= maxBytes) {
      this.#kept.unshift({ bytes: Buffer.from(body.subarray(start, end)), value });
      this.#kept.length = Math.min(this.#kept.length, maxKept);
    }
    return value;
  }
}
