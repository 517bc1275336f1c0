import type { LaneTarget, Operation } from '../batching/operation.js';
import type { RequestRules } from '../batching/request-rules.js';
import type { Clock } from '../clock.js';
import type { ItemOutcome, Send } from './deliver-request.js';
import type { DeliveryObserver } from './delivery-observer.js';
import { Lane, type LaneEntry, type LanePolicy, type LaneSnapshot } from './lane.js';
import { Ticket, type EventOutcome } from './ticket.js';

export interface DeliveryRouterOptions {
  readonly rules: RequestRules;
  readonly policy: LanePolicy;
  readonly send: Send<LaneEntry>;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: DeliveryObserver;
  /** Operations in all lanes together, and their bytes; at either `hasRoom` turns false. */
  readonly maxBacklog: number;
  readonly maxBacklogBytes: number;
}

/** Delivered events that are remembered, at least; senders repeat within minutes. */
const maxRemembered = 100_000;

/**
 * Hands operations to the lanes and tells what became of each event. Lanes are independent: one that waits costs the
 * others nothing but its share of the backlog.
 */
export class DeliveryRouter {
  readonly #lanes = new Map<string, Lane>();
  /** Events that are on their way or were delivered lately, by lane and key. */
  readonly #events = new Map<string, Promise<EventOutcome>>();
  /** Keys of delivered events, the oldest first. */
  #delivered: string[] = [];
  readonly #abort = new AbortController();
  #backlog = 0;
  #bytes = 0;
  #abandoned = 0;
  #isClosing = false;
  #onEmpty: (() => void) | undefined;

  constructor(private readonly options: DeliveryRouterOptions) {}

  /** Bytes of the operations that are not settled yet. */
  get backlogBytes(): number {
    return this.#bytes;
  }

  /** Operations that are not settled yet. */
  get backlog(): number {
    return this.#backlog;
  }

  hasRoom(): boolean {
    const { maxBacklog, maxBacklogBytes } = this.options;
    return this.#backlog < maxBacklog && this.#bytes < maxBacklogBytes && !this.#abort.signal.aborted;
  }

  /**
   * The operations of one event, all of one lane. Resolves when the last of them is settled.
   *
   * @param eventKey what the event is known by in its lane. A sender that was told to come back sends events again that
   *   are still on their way or have arrived meanwhile: they get the first one's outcome and are not sent twice, or an
   *   old value could be written over a newer one.
   */
  deliver(operations: readonly Operation[], eventKey?: string): Promise<EventOutcome> {
    const [first] = operations;
    if (first === undefined) return Promise.resolve({ type: 'delivered' });
    if (eventKey === undefined) return this.#accept(first.lane, operations);
    const key = `${first.lane.key} ${eventKey}`;
    const earlier = this.#events.get(key);
    if (earlier !== undefined) return earlier;
    const settled = this.#accept(first.lane, operations).then((outcome) => {
      // Only what was delivered is remembered: anything else may be repeated to more effect.
      if (outcome.type === 'delivered') this.#delivered.push(key);
      else this.#events.delete(key);
      this.#forget();
      return outcome;
    });
    this.#events.set(key, settled);
    return settled;
  }

  #forget(): void {
    if (this.#delivered.length < 2 * maxRemembered) return;
    for (const key of this.#delivered.splice(0, maxRemembered)) this.#events.delete(key);
  }

  #accept(lane: LaneTarget, operations: readonly Operation[]): Promise<EventOutcome> {
    const ticket = new Ticket(operations.length);
    const acceptedAt = this.options.clock.now();
    this.#backlog += operations.length;
    for (const operation of operations) this.#bytes += operation.bytes;
    this.#lane(lane).add(operations.map((operation) => ({ operation, ticket, acceptedAt })));
    return ticket.settled;
  }

  snapshot(): readonly LaneSnapshot[] {
    return [...this.#lanes.values()].map((lane) => lane.snapshot());
  }

  /**
   * Delivers what is there, at most for `deadlineMs`, then abandons the rest: the tickets of abandoned events say so.
   *
   * @returns the operations that were abandoned.
   */
  async close(deadlineMs: number): Promise<number> {
    this.#isClosing = true;
    for (const lane of this.#lanes.values()) lane.drain();
    await Promise.race([this.#empty(), this.options.clock.sleep(deadlineMs, this.#abort.signal)]);
    this.#abort.abort();
    await this.#empty();
    return this.#abandoned;
  }

  /** Abandons what is in flight at once. */
  abort(): void {
    this.#abort.abort();
  }

  #empty(): Promise<void> {
    if (this.#backlog === 0) return Promise.resolve();
    return new Promise((resolve) => {
      const earlier = this.#onEmpty;
      this.#onEmpty = () => {
        earlier?.();
        resolve();
      };
    });
  }

  #lane(target: LaneTarget): Lane {
    let lane = this.#lanes.get(target.key);
    if (lane === undefined) {
      const { rules, policy, send, clock, random, observer } = this.options;
      const signal = this.#abort.signal;
      const onSettled = ({ operation }: LaneEntry, outcome: ItemOutcome): void => {
        if (outcome.type === 'abandoned') this.#abandoned += 1;
        this.#backlog -= 1;
        this.#bytes -= operation.bytes;
        if (this.#backlog === 0) this.#onEmpty?.();
      };
      lane = new Lane(target, { rules, policy, send, clock, random, observer, signal, onSettled });
      if (this.#isClosing) lane.drain();
      this.#lanes.set(target.key, lane);
    }
    return lane;
  }
}
