import type { DeliveryRouter } from '../../../src/core/delivery/delivery-router.js';
import type { EventOutcome } from '../../../src/core/delivery/ticket.js';
import type { VirtualClock } from '../virtual-clock.js';
import type { Arrival } from './arrivals.js';
import type { HeapWitness } from './heap-witness.js';
import type { OrderWitness } from './order-witness.js';
import { ScenarioEvents, type ScenarioEvent } from './scenario-event.js';

/**
 * Those who send events, as a CDP does: what finds no room or nobody who takes it comes again, in order; what was not
 * settled when the service died is sent once more.
 */
export class Senders {
  /** Everything that was accepted, in order. */
  readonly events: ScenarioEvent[] = [];
  /** What should never happen to a promise. */
  readonly faults: string[] = [];
  readonly #made = new ScenarioEvents();
  /** By lane, what comes again later. */
  readonly #held = new Map<string, Arrival[]>();
  #router: DeliveryRouter | undefined;
  #life = 0;
  #isStopped = false;
  /** Promises of earlier lives that are not settled. */
  #open = 0;
  #unsettled = 0;

  constructor(
    private readonly clock: VirtualClock,
    private readonly heap: HeapWitness,
    private readonly order: OrderWitness,
  ) {}

  get router(): DeliveryRouter | undefined {
    return this.#router;
  }

  /** Nothing waits: neither here nor there. */
  get isDone(): boolean {
    return this.#unsettled === 0 && this.#held.size === 0;
  }

  /** Promises that a router still owes. */
  get open(): number {
    return this.#open;
  }

  /** A service starts, unless one runs; it hears of everything that is not settled, in order. */
  start(router: DeliveryRouter): void {
    if (this.#router !== undefined) return;
    this.#router = router;
    for (const event of this.events) if (event.outcome === undefined) this.#deliver(router, event);
    this.retry();
  }

  kill(): void {
    this.#router?.abort();
    this.#router = undefined;
    this.#life += 1;
  }

  /** @returns how many operations the service says it leaves behind. */
  async stop(deadlineMs: number): Promise<number> {
    this.#isStopped = true;
    this.#held.clear();
    const remaining = (await this.#router?.close(deadlineMs)) ?? [];
    return remaining.reduce((sum, { operations }) => sum + operations, 0);
  }

  send(arrival: Arrival): void {
    if (this.#isStopped) return;
    const held = this.#held.get(arrival.lane.key);
    if (held !== undefined) held.push(arrival);
    else if (!this.#take(arrival)) this.#held.set(arrival.lane.key, [arrival]);
  }

  /** Whoever was sent away comes again. */
  retry(): void {
    for (const [lane, held] of this.#held) {
      const first = held.findIndex((arrival) => !this.#take(arrival));
      if (first === -1) this.#held.delete(lane);
      else held.splice(0, first);
    }
  }

  #take(arrival: Arrival): boolean {
    const router = this.#router;
    if (router?.hasRoom(arrival.lane) !== true) return false;
    const event = this.#made.accept(arrival, this.clock.monotonic());
    for (const write of event.writes) this.heap.expect(write);
    this.events.push(event);
    this.#unsettled += 1;
    this.#deliver(router, event);
    return true;
  }

  #deliver(router: DeliveryRouter, event: ScenarioEvent): void {
    const life = this.#life;
    this.#open += 1;
    const operations = event.writes.map(({ operation }) => operation);
    void router.deliver(operations, event.key).then((outcome) => {
      this.#open -= 1;
      // Who was to be told is dead.
      if (life === this.#life) this.#settle(event, outcome);
    });
  }

  #settle(event: ScenarioEvent, outcome: EventOutcome): void {
    if (event.outcome !== undefined) this.faults.push(`${event.key} was settled twice`);
    event.outcome = outcome;
    event.settledAt = this.clock.monotonic();
    this.#unsettled -= 1;
    if (outcome.type === 'delivered') for (const write of event.writes) this.order.onConfirmed(write);
  }
}
