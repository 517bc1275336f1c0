import type { DeliveryObserver } from '../../../src/core/delivery/delivery-observer.js';
import type { Reply, SendOutcome } from '../../../src/core/delivery/reply.js';
import type { VirtualClock } from '../virtual-clock.js';
import { deafObserver } from './deaf-observer.js';
import type { HeapWitness, SeenRequest } from './heap-witness.js';
import type { Write } from './scenario-event.js';

/** One request, as it was sent. */
export interface LoggedRequest {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly group: string;
  /** It carries something whose last attempt failed. */
  readonly isRetry: boolean;
}

/** Stands where requests leave and answers come in. */
export class RequestLog {
  readonly requests: LoggedRequest[] = [];
  /** Answers 429. */
  throttled = 0;
  /** Errors that delivery met and went on from; there should be none. */
  readonly faults: string[] = [];
  /** Breakers that opened, pauses and the like, in order, for whoever looks for a reason. */
  readonly notes: string[] = [];
  readonly observer: DeliveryObserver;
  readonly #failed = new Set<Write>();

  constructor(
    private readonly witness: HeapWitness,
    private readonly clock: VirtualClock,
  ) {
    const note = (text: string): void => {
      this.notes.push(`${(clock.monotonic() / 1_000).toFixed(3)} s: ${text}`);
    };
    this.observer = {
      ...deafObserver,
      onTransition: ({ appId }, from, to) => {
        note(`${appId} ${from} -> ${to}`);
      },
      onPaused: ({ appId }, { signature }) => {
        note(`${appId} paused: ${signature}`);
      },
      onLaneBreaker: ({ appId }, from, to) => {
        note(`${appId} breaker ${from} -> ${to}`);
      },
      onHostBreaker: (host, from, to) => {
        note(`${host} breaker ${from} -> ${to}`);
      },
      onFault: (error) => this.faults.push(String(error instanceof Error ? error.stack : error)),
    };
  }

  onSend(request: SeenRequest): void {
    const writes = this.#writesOf(request);
    const group = writes[0]?.event.arrival.group ?? '';
    const isRetry = this.#failed.size > 0 && writes.some((write) => this.#failed.has(write));
    this.requests.push({ at: this.clock.monotonic(), group, isRetry });
  }

  onReply(request: SeenRequest, reply: Reply, outcome: SendOutcome): void {
    if (reply.type === 'answer' && reply.status === 429) this.throttled += 1;
    if (outcome.type === 'retry') for (const write of this.#writesOf(request)) this.#failed.add(write);
    else if (this.#failed.size > 0) for (const write of this.#writesOf(request)) this.#failed.delete(write);
  }

  #writesOf({ items }: SeenRequest): readonly Write[] {
    return items.flatMap(({ entries }) => entries.map(({ operation }) => this.witness.writeOf(operation)));
  }
}
