import { setTimeout as delay } from 'node:timers/promises';

import { basic, ingest } from '../support/http-client.js';

/** One user and the program that sends for them: it sends nothing more before what it sent is confirmed, as SDKs do. */
export class CrashSender {
  /** Ids of track events whose requests were answered 200. */
  readonly confirmed: string[] = [];
  /** Of the confirmed ones, those that Heap is going to refuse. */
  readonly wrong: string[] = [];
  /** The last value of the user's property that was confirmed. */
  plan: number | undefined;
  #isStopped = false;
  #count = 0;

  constructor(
    readonly user: string,
    private readonly random: () => number,
    private readonly options: { readonly writeKey?: string; readonly pauseMs?: number } = {},
  ) {}

  /**
   * Sends until it is stopped.
   *
   * @param urlOf the data port, as long as there is one.
   */
  async run(urlOf: () => string | undefined): Promise<void> {
    while (!this.#isStopped) {
      const batch = Array.from({ length: 1 + Math.floor(this.random() * 12) }, () => this.#event());
      await this.#deliver(batch, urlOf);
      for (const { id, isWrong, plan } of batch) {
        if (plan !== undefined) this.plan = plan;
        else (isWrong ? this.wrong : this.confirmed).push(id);
      }
      if (this.options.pauseMs !== undefined) await delay(this.random() * 2 * this.options.pauseMs);
    }
  }

  /** What was begun is still brought to its end. */
  stop(): void {
    this.#isStopped = true;
  }

  async #deliver(batch: readonly SentEvent[], urlOf: () => string | undefined): Promise<void> {
    const headers = { authorization: basic(`${this.options.writeKey ?? 'key'}:`) };
    for (;;) {
      const url = urlOf();
      const answer =
        url === undefined
          ? undefined
          : await ingest(url, '/v1/batch', { batch: batch.map(({ event }) => event) }, { headers }).catch(
              () => undefined,
            );
      if (answer?.status === 200) return;
      await delay(10);
    }
  }

  #event(): SentEvent {
    this.#count += 1;
    const id = `${this.user}-${this.#count}`;
    if (this.random() < 0.15) {
      const traits = { plan: this.#count };
      return {
        id,
        plan: this.#count,
        isWrong: false,
        event: { type: 'identify', userId: this.user, messageId: id, traits },
      };
    }
    const isWrong = this.random() < 0.02;
    const event = { type: 'track', userId: this.user, messageId: id, event: isWrong ? 'Wrong' : id };
    return { id, plan: undefined, isWrong, event };
  }
}

interface SentEvent {
  readonly id: string;
  readonly plan: number | undefined;
  readonly isWrong: boolean;
  readonly event: object;
}
