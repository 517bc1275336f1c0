import { setImmediate as nextTurn } from 'node:timers/promises';

import { Fifo } from '../delivery/fifo.js';

/** Lets so many run at a time, in the order in which they came, and everybody else of the process in between. */
export class Turns {
  readonly #waiting = new Fifo<() => void>();
  #running = 0;

  constructor(private readonly most: number) {}

  async run<T>(work: () => Promise<T>): Promise<T> {
    if (this.#running >= this.most) {
      await new Promise<void>((resolve) => {
        this.#waiting.push(resolve);
      });
    } else {
      this.#running += 1;
    }
    try {
      return await work();
    } finally {
      void this.#passOn();
    }
  }

  /** Whoever is next takes over the place. */
  async #passOn(): Promise<void> {
    await nextTurn();
    const next = this.#waiting.shift();
    if (next === undefined) this.#running -= 1;
    else next();
  }
}
