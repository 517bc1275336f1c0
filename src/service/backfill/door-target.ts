import { Agent as HttpAgent } from 'node:http';
import { Agent as HttpsAgent } from 'node:https';

import { got } from 'got';

import type { Clock } from '../../core/clock.js';
import { retryDelayMs } from '../../core/delivery/back-off.js';
import { parseRetryAfter } from '../../core/delivery/retry-after.js';
import { BackfillStopped } from './backfill-stopped.js';
import type { BackfillTarget, TargetOutcome } from './backfill-target.js';
import { OrderedBatches, type BatchBounds } from './ordered-batches.js';
import { patience } from './patience.js';
import type { HistoryEvent } from './prepare-line.js';
import { readDoorResults } from './read-door-results.js';

export interface DoorTargetOptions {
  /** Base URL of the service's data port. */
  readonly url: string;
  readonly writeKey: string;
  /** What one request may hold. */
  readonly bounds: BatchBounds;
  readonly clock: Clock;
  readonly random: () => number;
  /** Waits end when it is aborted. */
  readonly signal: AbortSignal;
}

interface Item {
  /** JSON text of the event. */
  readonly text: string;
  readonly onSettled: (outcome: TargetOutcome) => void;
}

/** Longer than a service without a store holds an answer back. */
const requestMs = 60_000;

/** Hands batches to a running service by `POST /v1/import`, one after the other. */
export class DoorTarget implements BackfillTarget {
  readonly #batches: OrderedBatches<Item>;
  readonly #agent = { http: new HttpAgent({ keepAlive: true }), https: new HttpsAgent({ keepAlive: true }) };
  readonly #url: string;
  #waitingFor: string | undefined;

  constructor(private readonly options: DoorTargetOptions) {
    this.#url = `${options.url.replace(/\/+$/, '')}/v1/import`;
    this.#batches = new OrderedBatches(options.bounds, (items) => this.#send(items));
  }

  get waitingFor(): string | undefined {
    return this.#waitingFor;
  }

  put({ value }: HistoryEvent, _bytes: number, onSettled: Item['onSettled']): Promise<void> | undefined {
    const text = JSON.stringify(value);
    return this.#batches.add({ text, onSettled }, Buffer.byteLength(text) + 1);
  }

  flush(): Promise<void> {
    return this.#batches.flush();
  }

  async stop(): Promise<void> {
    await this.#batches.idle();
    this.#agent.http.destroy();
    this.#agent.https.destroy();
  }

  /** Until each item has its result. */
  async #send(items: readonly Item[]): Promise<void> {
    const { clock, random, signal } = this.options;
    let answeredAt = clock.monotonic();
    for (let failures = 0; ; failures += 1) {
      if (signal.aborted) throw new BackfillStopped('it was interrupted');
      const answer = await this.#post(items);
      switch (answer.type) {
        case 'results':
          this.#waitingFor = undefined;
          items.forEach(({ onSettled }, index) => {
            onSettled(answer.results[index] ?? { type: 'taken' });
          });
          return;
        case 'tooLarge':
          await this.#halve(items, answer.detail);
          return;
        case 'later':
          // A service that answers is waited for as long as it asks; one that does not, only for a while.
          if (answer.isAsked) answeredAt = clock.monotonic();
          else if (clock.monotonic() - answeredAt > patience.giveUpMs) throw new BackfillStopped(answer.detail);
          this.#waitingFor = answer.detail;
          await clock.sleep(retryDelayMs(patience, failures, answer.afterMs, random()), signal);
          break;
        case 'refused':
          throw new BackfillStopped(answer.detail);
      }
    }
  }

  async #halve(items: readonly Item[], detail: string): Promise<void> {
    const [first, ...others] = items;
    if (first !== undefined && others.length === 0) {
      first.onSettled({ type: 'rejected', reason: 'event_too_large', detail });
      return;
    }
    const middle = Math.ceil(items.length / 2);
    await this.#send(items.slice(0, middle));
    await this.#send(items.slice(middle));
  }

  async #post(items: readonly Item[]): Promise<DoorAnswer> {
    const { writeKey, clock } = this.options;
    let response;
    try {
      response = await got.post(this.#url, {
        agent: this.#agent,
        body: `{"batch":[${items.map(({ text }) => text).join(',')}]}`,
        headers: {
          'content-type': 'application/json',
          authorization: `Basic ${Buffer.from(`${writeKey}:`).toString('base64')}`,
        },
        timeout: { request: requestMs },
        retry: { limit: 0 },
        throwHttpErrors: false,
        followRedirect: false,
      });
    } catch (error) {
      const detail = `${this.#url} does not answer: ${error instanceof Error ? error.message : String(error)}`;
      return { type: 'later', detail, afterMs: undefined, isAsked: false };
    }
    const { statusCode: status, headers, body } = response;
    const detail = `${this.#url} answers ${status}: ${body.slice(0, maxShownText)}`;
    if (status === 200) {
      const results = readDoorResults(body, items.length);
      return results === undefined ? { type: 'refused', detail } : { type: 'results', results };
    }
    if (status === 413) return { type: 'tooLarge', detail };
    if (status === 429 || status === 408 || status >= 500) {
      const afterMs = parseRetryAfter(headers['retry-after'], clock.now());
      return { type: 'later', detail, afterMs, isAsked: afterMs !== undefined };
    }
    return { type: 'refused', detail };
  }
}

const maxShownText = 200;

type DoorAnswer =
  | { readonly type: 'results'; readonly results: readonly TargetOutcome[] }
  | { readonly type: 'tooLarge'; readonly detail: string }
  | {
      readonly type: 'later';
      readonly detail: string;
      readonly afterMs: number | undefined;
      /** The service itself names the time: it is there, and will take the events. */
      readonly isAsked: boolean;
    }
  | { readonly type: 'refused'; readonly detail: string };
