import { setMaxListeners } from 'node:events';

import type { LaneTarget, Operation } from '../batching/operation.js';
import type { RequestRules } from '../batching/request-rules.js';
import type { Clock } from '../clock.js';
import type { AttemptListener } from './attempt.js';
import type { DeliveryObserver } from './delivery-observer.js';
import type { DeliveryPolicy } from './delivery-policy.js';
import { Host, type Send } from './host.js';
import { InFlightBytes } from './in-flight-bytes.js';
import { Lane } from './lane.js';
import { laneEntry, type LaneEntry } from './lane-entry.js';
import type { DeliverySnapshot } from './lane-snapshot.js';
import type { SavedLimits } from './limits/saved-limits.js';
import { RecentEvents } from './recent-events.js';
import { Ticket, type EventOutcome, type ItemOutcome } from './ticket.js';

export interface DeliveryRouterOptions {
  readonly rules: RequestRules;
  readonly policy: DeliveryPolicy;
  readonly send: Send;
  /** The host that a lane's requests go to. */
  readonly hostOf: (lane: LaneTarget) => string;
  readonly clock: Clock;
  readonly random: () => number;
  readonly observer: DeliveryObserver;
  /** Operations in all lanes together, and their bytes. */
  readonly maxBacklog: number;
  readonly maxBacklogBytes: number;
}

/** What a lane had left when the router was closed. */
export interface RemainingLane {
  readonly lane: LaneTarget;
  readonly operations: number;
}

/**
 * A lane may hold so many times what is free. The more lanes are stuck the less each may hold, and there is always
 * room for the others: n stuck lanes leave 1 / (2n + 1) of all free (dynamic thresholds, A. K. Choudhury and E. L.
 * Hahne, IEEE/ACM Transactions on Networking 6, 1998, https://doi.org/10.1109/90.664262).
 */
const laneShareOfFree = 2;

/**
 * Hands operations to the lanes and tells what became of each event. Lanes are independent: one that waits costs the
 * others nothing but its share of the backlog.
 */
export class DeliveryRouter {
  readonly #lanes = new Map<string, Lane>();
  /** Lanes that are given up, while something of them is in flight. */
  readonly #withdrawn = new Map<string, Lane>();
  readonly #hosts = new Map<string, Host>();
  readonly #recent = new RecentEvents();
  readonly #abort = new AbortController();
  readonly #bytesInFlight: InFlightBytes;
  readonly #abandoned = new Map<LaneTarget, number>();
  #backlog = 0;
  #bytes = 0;
  #deadline: number | undefined;
  #onEmpty: (() => void) | undefined;

  constructor(private readonly options: DeliveryRouterOptions) {
    this.#bytesInFlight = new InFlightBytes(options.policy.maxInFlightBytes);
    // Every request in flight listens to it; many are no leak.
    setMaxListeners(0, this.#abort.signal);
  }

  /** Bytes of the operations that are not settled yet. */
  get backlogBytes(): number {
    return this.#bytes;
  }

  /** Operations that are not settled yet. */
  get backlog(): number {
    return this.#backlog;
  }

  /** Whether there is room: at all, or for this lane. */
  hasRoom(lane?: LaneTarget): boolean {
    const { maxBacklog, maxBacklogBytes } = this.options;
    const free = maxBacklog - this.#backlog;
    const freeBytes = maxBacklogBytes - this.#bytes;
    if (free <= 0 || freeBytes <= 0 || this.#abort.signal.aborted) return false;
    const held = lane === undefined ? undefined : this.#lanes.get(lane.key);
    if (held === undefined) return true;
    return held.backlog < laneShareOfFree * free && held.backlogBytes < laneShareOfFree * freeBytes;
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
    if (eventKey === undefined) return this.deliverStored(operations, 0);
    return this.#recent.share(`${first.lane.key} ${eventKey}`, () => this.deliverStored(operations, 0));
  }

  /**
   * The same for an event that somebody stored before.
   *
   * @param ageMs how long ago: it counts towards `maxAgeMs`.
   */
  deliverStored(operations: readonly Operation[], ageMs: number, listener?: AttemptListener): Promise<EventOutcome> {
    const ticket = new Ticket(operations.length, listener);
    const target = operations[0]?.lane;
    if (target === undefined) return Promise.resolve({ type: 'delivered' });
    if (this.#abort.signal.aborted) {
      for (const operation of operations) ticket.settle({ type: 'abandoned' }, operation);
      return ticket.settled;
    }
    const acceptedAt = this.options.clock.monotonic() - ageMs;
    const lane = this.#lane(target);
    this.#backlog += operations.length;
    for (const operation of operations) this.#bytes += operation.bytes;
    for (const operation of operations) lane.add(laneEntry(operation, ticket, acceptedAt, acceptedAt + ageMs));
    return ticket.settled;
  }

  /**
   * This process is the lane's sender from now on, until `withdraw`. Lanes that nobody opens are opened by their first
   * operation, with nothing used of the rate limits.
   *
   * @param limits what earlier senders used of the rate limits.
   * @param mayBegin asked right before each request.
   */
  open(target: LaneTarget, limits: SavedLimits | undefined, mayBegin: () => boolean): void {
    if (!this.#lanes.has(target.key)) this.#openLane(target, limits, mayBegin);
  }

  /**
   * Sends nothing more of the lane: what is not in flight is abandoned. Resolves when nothing is in flight, with what is
   * used of the rate limits.
   */
  async withdraw(laneKey: string): Promise<SavedLimits | undefined> {
    const lane = this.#lanes.get(laneKey);
    if (lane === undefined) return undefined;
    this.#lanes.delete(laneKey);
    this.#withdrawn.set(laneKey, lane);
    await lane.withdraw();
    this.#hosts.get(this.options.hostOf(lane.target))?.leave(lane);
    if (this.#withdrawn.get(laneKey) === lane) this.#withdrawn.delete(laneKey);
    return lane.saveLimits(true);
  }

  /** What the lane used of its rate limits, without those of its keys. */
  usedLimits(laneKey: string): SavedLimits | undefined {
    return (this.#lanes.get(laneKey) ?? this.#withdrawn.get(laneKey))?.saveLimits(false);
  }

  snapshot(): DeliverySnapshot {
    return {
      lanes: [...this.#lanes.values()].map((lane) => lane.snapshot()),
      hosts: [...this.#hosts.values()].map((host) => host.snapshot()),
    };
  }

  /** A person says that a lane is well. False where there is no such lane. */
  resume(laneKey: string): boolean {
    const lane = this.#lanes.get(laneKey);
    lane?.resume();
    return lane !== undefined;
  }

  /**
   * Delivers what is there, at most for `deadlineMs`, then abandons the rest: the tickets of abandoned events say so.
   * What can't be delivered by then is abandoned at once.
   *
   * @returns what was abandoned, by lane.
   */
  async close(deadlineMs: number): Promise<readonly RemainingLane[]> {
    this.#deadline = this.options.clock.monotonic() + deadlineMs;
    for (const lane of this.#lanes.values()) lane.drain(this.#deadline);
    await Promise.race([this.#empty(), this.options.clock.sleep(deadlineMs, this.#abort.signal)]);
    this.abort();
    await this.#empty();
    return [...this.#abandoned].map(([lane, operations]) => ({ lane, operations }));
  }

  /** Abandons everything at once; what is in flight may arrive all the same. */
  abort(): void {
    this.#abort.abort();
    for (const host of this.#hosts.values()) host.stop();
    for (const lane of this.#lanes.values()) lane.abandon();
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
    return this.#lanes.get(target.key) ?? this.#openLane(target, undefined, () => true);
  }

  #openLane(target: LaneTarget, limits: SavedLimits | undefined, mayBegin: () => boolean): Lane {
    const { rules, policy, clock, random, observer } = this.options;
    const lane = new Lane(target, this.#host(this.options.hostOf(target)), {
      rules,
      policy: policy.lane,
      clock,
      random,
      observer,
      signal: this.#abort.signal,
      mayBegin,
      limits,
      onSettled: (entry, outcome) => {
        this.#onSettled(target, entry, outcome);
      },
    });
    if (this.#deadline !== undefined) lane.drain(this.#deadline);
    this.#lanes.set(target.key, lane);
    return lane;
  }

  #host(name: string): Host {
    let host = this.#hosts.get(name);
    if (host === undefined) {
      const { policy, send, clock, random, observer } = this.options;
      const signal = this.#abort.signal;
      const bytes = this.#bytesInFlight;
      host = new Host(name, { policy: policy.host, send, clock, random, observer, signal, bytes });
      this.#hosts.set(name, host);
    }
    return host;
  }

  #onSettled(target: LaneTarget, { operation }: LaneEntry, { type }: ItemOutcome): void {
    if (type === 'abandoned') this.#abandoned.set(target, (this.#abandoned.get(target) ?? 0) + 1);
    this.#backlog -= 1;
    this.#bytes -= operation.bytes;
    if (this.#backlog === 0) this.#onEmpty?.();
  }
}
