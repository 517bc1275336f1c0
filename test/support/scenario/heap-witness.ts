import type { Operation } from '../../../src/core/batching/operation.js';
import type { PlannedRequest } from '../../../src/core/batching/plan-requests.js';
import type { Limits } from '../../../src/destinations/heap/simulator/limits.js';
import type { SimulatedHeap } from '../../../src/destinations/heap/simulator/simulated-heap.js';
import type { SimulatedReply } from '../../../src/destinations/heap/simulator/simulated-reply.js';
import type { OrderWitness } from './order-witness.js';
import { PeakWindows } from './peak-window.js';
import { idempotencyKey, type Write } from './scenario-event.js';

/** A request, as far as its operations are looked at. */
export type SeenRequest = PlannedRequest<{ readonly operation: Operation }>;

/** Tracks that a request brought to Heap for the first time. */
export interface Stored {
  /** Milliseconds from the start. */
  readonly at: number;
  readonly group: string;
  readonly count: number;
  readonly hot: number;
}

/**
 * Stands at Heap's side and reads from Heap's own state what each request changed, whatever it was answered. What it
 * tells does not depend on what delivery believes.
 */
export class HeapWitness {
  readonly stored: Stored[] = [];
  readonly #writes = new Map<Operation, Write>();
  readonly #tracks = new Map<string, Write>();
  /** How many of an app's kept events were looked at. */
  readonly #read = new Map<string, number>();
  /** The write that a user or an account shows. */
  readonly #shown = new Map<string, number>();
  readonly #app: PeakWindows;
  readonly #identity: PeakWindows;
  readonly #userProperties: PeakWindows;

  constructor(
    private readonly heap: SimulatedHeap,
    private readonly order: OrderWitness,
    private readonly limits: Limits,
  ) {
    this.#app = new PeakWindows(limits.bulkTrackPerApp?.windowMs ?? 0);
    this.#identity = new PeakWindows(limits.bulkTrackPerIdentity?.windowMs ?? 0);
    this.#userProperties = new PeakWindows(limits.userPropertiesPerIdentity?.windowMs ?? 0);
  }

  /** Shares of Heap's limits in the fullest window that it saw; 0 where there is no limit. */
  get peaks(): { readonly app: number; readonly identity: number; readonly userProperties: number } {
    const { bulkTrackPerApp, bulkTrackPerIdentity, userPropertiesPerIdentity } = this.limits;
    return {
      app: this.#app.peak / (bulkTrackPerApp?.max ?? Infinity),
      identity: this.#identity.peak / (bulkTrackPerIdentity?.max ?? Infinity),
      userProperties: this.#userProperties.peak / (userPropertiesPerIdentity?.max ?? Infinity),
    };
  }

  /** Has to be told of every write before it is delivered. */
  expect(write: Write): void {
    this.#writes.set(write.operation, write);
    if (write.operation.kind === 'track') this.#tracks.set(idempotencyKey(write.sequence), write);
  }

  writeOf(operation: Operation): Write {
    const write = this.#writes.get(operation);
    if (write === undefined) throw new Error(`a request holds what nobody handed in: ${operation.text}`);
    return write;
  }

  /** The last write that Heap shows of a user or account. */
  shown(write: Write): number | undefined {
    return this.#shown.get(subjectKey(write));
  }

  /** @param now milliseconds from the start. */
  onRequest(request: SeenRequest, reply: SimulatedReply, now: number): void {
    const writes = request.items.flatMap(({ entries }) => entries.map(({ operation }) => this.writeOf(operation)));
    switch (request.kind) {
      case 'track':
        this.#onTracks(request, writes, reply, now);
        return;
      case 'identify':
        this.#onIdentify(writes);
        return;
      default:
        this.#onProperties(writes, now);
    }
  }

  #onTracks({ lane }: SeenRequest, writes: readonly Write[], reply: SimulatedReply, now: number): void {
    const events = this.heap.findApp(lane.appId)?.events ?? [];
    const fresh = events.slice(this.#read.get(lane.key) ?? 0);
    this.#read.set(lane.key, events.length);
    let hot = 0;
    for (const { idempotencyKey: key = '' } of fresh) {
      const write = this.#tracks.get(key);
      if (write === undefined) throw new Error(`Heap stored an event that nobody handed in: ${key}`);
      if (write.event.arrival.isHot) hot += 1;
      this.#onEffect(write);
    }
    const group = writes[0]?.event.arrival.group ?? '';
    if (fresh.length > 0) this.stored.push({ at: now, group, count: fresh.length, hot });
    // A request of nothing but repeats counts too; only its answer tells that Heap took it.
    const isTaken = fresh.length > 0 || (reply.status < 300 && reply.ending.kind === 'whole');
    if (!isTaken) return;
    this.#app.add(lane.key, writes.length, now);
    for (const [subject, count] of countBySubject(writes)) this.#identity.add(subject, count, now);
  }

  #onIdentify(writes: readonly Write[]): void {
    for (const write of writes) {
      // The user_id of each is its own, so that Heap's links tell which of them took effect.
      const { users } = this.heap.findApp(write.operation.lane.appId) ?? {};
      if (users?.get(write.subject)?.userIds.has(String(write.sequence)) === true) this.#onEffect(write);
    }
  }

  #onProperties(writes: readonly Write[], now: number): void {
    const last = new Map(writes.map((write) => [subjectKey(write), write]));
    const changed = new Set<string>();
    for (const [subject, write] of last) {
      if (this.#sequenceAtHeap(write) !== write.sequence || this.#shown.get(subject) === write.sequence) continue;
      changed.add(subject);
      this.#shown.set(subject, write.sequence);
      if (write.operation.kind === 'addUserProperties') this.#userProperties.add(subject, 1, now);
    }
    for (const write of writes) if (changed.has(subjectKey(write))) this.#onEffect(write);
  }

  #sequenceAtHeap({ operation: { lane, kind }, subject }: Write): number | string | undefined {
    const app = this.heap.findApp(lane.appId);
    const owner = kind === 'addAccountProperties' ? app?.accounts.get(subject) : app?.users.get(subject);
    return owner?.properties.get('sequence');
  }

  #onEffect(write: Write): void {
    this.order.onEffect(write, !write.hasEffect);
    write.hasEffect = true;
  }
}

function countBySubject(writes: readonly Write[]): ReadonlyMap<string, number> {
  const counts = new Map<string, number>();
  for (const write of writes) counts.set(subjectKey(write), (counts.get(subjectKey(write)) ?? 0) + 1);
  return counts;
}

function subjectKey({ operation: { lane, kind }, subject }: Write): string {
  return `${lane.key} ${kind} ${subject}`;
}
