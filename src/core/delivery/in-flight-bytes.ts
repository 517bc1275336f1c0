/** The bytes of all requests in flight, over all hosts, and whether more may start. */
export class InFlightBytes {
  #bytes = 0;
  /** In turns: the first one may take all the room. */
  readonly #listeners: (() => void)[] = [];

  constructor(private readonly max: number) {}

  get isFull(): boolean {
    return this.#bytes >= this.max;
  }

  /** Told whenever there is room again. */
  onRoom(listener: () => void): void {
    this.#listeners.push(listener);
  }

  add(bytes: number): void {
    this.#bytes += bytes;
  }

  remove(bytes: number): void {
    const before = this.#bytes;
    this.#bytes -= bytes;
    if (before < this.max || this.isFull) return;
    const first = this.#listeners.shift();
    if (first !== undefined) this.#listeners.push(first);
    for (const listener of [...this.#listeners]) listener();
  }
}
