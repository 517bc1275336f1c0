import type { LaneTarget } from '../batching/operation.js';
import type { Clock } from '../clock.js';
import type { DeliveryRouter } from '../delivery/delivery-router.js';
import type { RateLimits } from '../delivery/limits/lane-limiter.js';
import type { EventResult, IncomingEvent, Intake } from '../intake.js';
import { isJsonObject } from '../json/json.js';
import { StoreFull } from '../store/store-full.js';
import { StoreUnavailable } from '../store/store-unavailable.js';
import type { ClaimedLane, DeadLetters, NewChunk, Store } from '../store/store.js';
import { acceptEvents, type Acceptance } from './accept-events.js';
import { AcceptedIds } from './accepted-ids.js';
import type { DeliveryLog } from './delivery-log.js';
import type { CompiledConnection } from '../compiled-connection.js';
import type { DurableObserver } from './durable-observer.js';
import { LaneFeeder, type FeederEnvironment } from './lane-feeder.js';
import { mayBeRepeated } from './settlements.js';
import { StoredBacklog, type BacklogBounds } from './stored-backlog.js';
import { takeOverLimits } from './take-over-limits.js';
import { Turns } from './turns.js';
import { wakingDeadLetters } from './waking-dead-letters.js';

export interface DurableIntakeOptions {
  readonly store: Store;
  readonly router: DeliveryRouter;
  readonly connectionOf: (id: string) => CompiledConnection | undefined;
  /** The lane of a key as the store knows it. */
  readonly laneOf: (key: string) => LaneTarget;
  readonly clock: Clock;
  readonly observer: DurableObserver;
  readonly log: DeliveryLog;
  readonly rateLimits: RateLimits;
  readonly bounds: BacklogBounds;
  /** See `FeederEnvironment`. */
  readonly maxCountedAgeMs: number;
  /** Longest JSON text of one event, in characters. */
  readonly maxEventLength: number;
  /** Bytes of events that are on their way to the store; beyond them nothing is taken in. */
  readonly maxArrivingBytes: number;
  /** Ids that are remembered to tell repeats in memory; 0 for none, where the store tells them. */
  readonly rememberedIds: number;
  /** Whether the store is given ids, to tell repeats durably. */
  readonly storesIds: boolean;
}

const maxPerKey = 2_000;
const maxAside = 100_000;
/** How long the last calls may take when the service stops. */
const lastCallsMs = 1_000;
const refreshMs = 1_000;
/** Counting letters takes longer, and nothing depends on it. */
const refreshLettersMs = 30_000;

/**
 * Events between the door and delivery: stored before they are confirmed, and then brought to the router lane by lane, for
 * the lanes that this process is the sender of.
 */
export class DurableIntake implements Intake {
  readonly #feeders = new Map<string, LaneFeeder>();
  /** Lanes that are being given back. */
  readonly #leaving = new Map<LaneFeeder, Promise<void>>();
  readonly #known: AcceptedIds;
  readonly #backlog: StoredBacklog;
  readonly #environment: FeederEnvironment;
  #arrivingBytes = 0;
  readonly #arriving = new Set<Promise<unknown>>();
  #isWaking = false;
  #isStopped = false;
  #cancelRefresh: (() => void) | undefined;
  #cancelRefreshLetters: (() => void) | undefined;

  constructor(private readonly options: DurableIntakeOptions) {
    const { store, router, connectionOf, clock, observer, log, maxCountedAgeMs } = options;
    this.deadLetters = wakingDeadLetters(store.deadLetters, (lane) => {
      this.#feeders.get(lane)?.wake(true);
    });
    this.#known = new AcceptedIds(options.rememberedIds);
    this.#backlog = new StoredBacklog(options.bounds);
    const turns = new Turns(1);
    const onRoom = (): void => {
      this.#wakeHungry();
    };
    this.#environment = {
      router,
      connectionOf,
      clock,
      observer,
      log,
      turns,
      onRoom,
      maxPerKey,
      maxAside,
      maxCountedAgeMs,
    };
  }

  /** What waits in the store, as it was lately. */
  get backlog(): Pick<StoredBacklog, 'events' | 'bytes' | 'oldestAt' | 'letters'> {
    return this.#backlog;
  }

  /** The store's, with what is put back delivered soon. */
  readonly deadLetters: DeadLetters;

  /** Lanes that this process is the sender of. */
  get lanes(): number {
    return this.#feeders.size;
  }

  /** Begins to deliver what is stored. */
  async start(): Promise<void> {
    await Promise.all([this.#refresh(), this.#refreshLetters()]);
    await this.options.store.claim({
      onClaimed: (lane) => {
        this.#onClaimed(lane);
      },
      onAppended: (lane) => {
        this.#feeders.get(lane)?.wake(true);
      },
      onWanted: (lane) => {
        void this.#release(lane);
      },
      onLost: (lane) => {
        this.#onLost(lane);
      },
    });
  }

  /** Whether anything is taken in now: at all, or for this lane. */
  hasRoom(lane?: LaneTarget): boolean {
    return this.#arrivingBytes < this.options.maxArrivingBytes && this.#backlog.hasRoom(lane?.key);
  }

  /**
   * Stores the events of one request. Resolves once they are on disk: from then on each of them reaches the destination or
   * becomes a dead letter, whatever happens to this process. Results are in the order of the events.
   *
   * @throws StoreFull, StoreUnavailable: nothing of it may be counted as stored, and its sender keeps it.
   */
  takeIn(events: readonly IncomingEvent[], connection: CompiledConnection): Promise<readonly EventResult[]> {
    const work = this.#takeIn(events, connection);
    const done = work.catch((error: unknown) => {
      if (mayBeRepeated(error) && !this.#isStopped) this.options.observer.onStoreTrouble(connection.lane.key, error);
    });
    this.#arriving.add(done);
    void done.then(() => this.#arriving.delete(done));
    return work;
  }

  /**
   * Sends nothing more, and gives the lanes back. What is in flight is waited for, at most for `deadlineMs`; what is not
   * delivered stays in the store.
   */
  async stop(deadlineMs: number): Promise<void> {
    this.#isStopped = true;
    this.#cancelRefresh?.();
    this.#cancelRefreshLetters?.();
    const patience = new AbortController();
    const isLate = this.options.clock.sleep(deadlineMs, patience.signal);
    await Promise.race([Promise.all(this.#arriving), isLate]);
    for (const lane of [...this.#feeders.keys()]) void this.#release(lane);
    const released = Promise.all(this.#leaving.values());
    await Promise.race([released, isLate]);
    patience.abort();
    // Whoever is still in flight is given up, as is what the store did not take; it is delivered again.
    this.options.router.abort();
    for (const feeder of this.#leaving.keys()) feeder.drop();
    // A store that hangs is not waited for any longer: then the lanes count as not given back.
    await Promise.race([released, this.options.clock.sleep(lastCallsMs)]);
  }

  async #takeIn(events: readonly IncomingEvent[], connection: CompiledConnection): Promise<readonly EventResult[]> {
    const { observer, clock, maxEventLength, store, storesIds } = this.options;
    const now = clock.now();
    for (const { value, adjustments = [] } of events) {
      const type = isJsonObject(value) ? value.type : undefined;
      observer.onReceived(typeof type === 'string' ? type : '');
      for (const reason of adjustments) observer.onAdjustment(reason);
    }
    const acceptance = acceptEvents(events, connection, { now, maxEventLength, isKnown: (id) => this.#known.has(id) });
    const { texts, ids, letters, results } = acceptance;
    const lane = connection.lane.key;
    if (this.#isStopped) throw new StoreUnavailable('the service stops');
    if (texts.length > 0 && !this.hasRoom(connection.lane)) throw new StoreFull('too much waits in the lane');
    if (texts.length + letters.length > 0) {
      const chunk: NewChunk = {
        ...{ lane, connection: connection.id, receivedAt: now, events: texts },
        ...(storesIds && { ids }),
      };
      const bytes = texts.reduce((sum, text) => sum + text.length, 0);
      const startedAt = performance.now();
      let stored = texts.length;
      this.#arrivingBytes += bytes;
      try {
        const [appended] = await store.append(texts.length === 0 ? [] : [chunk], letters);
        if (appended !== undefined) {
          stored -= appended.repeats.length;
          this.#backlog.add(lane, stored, bytes);
          this.#onAppended(chunk, acceptance, appended.sequence, appended.previous, appended.repeats);
        }
      } finally {
        this.#arrivingBytes -= bytes;
      }
      if (texts.length > 0) observer.onStored(stored, (performance.now() - startedAt) / 1000);
    }
    for (const { reason } of letters)
      observer.onOutcome('rejected', reason as Parameters<DurableObserver['onOutcome']>[1]);
    if (acceptance.repeats > 0) observer.onRepeats(acceptance.repeats);
    for (const id of ids) if (id !== '') this.#known.add(id);
    return results;
  }

  /** What was just stored need not be read again. */
  #onAppended(
    { lane, connection, receivedAt }: NewChunk,
    { values }: Acceptance,
    sequence: number,
    previous: number | undefined,
    repeats: readonly number[],
  ): void {
    if (repeats.length > 0) this.options.observer.onRepeats(repeats.length);
    const known = new Set(repeats);
    const events = values
      .map((value, index) => ({ index, value, delivered: [] }))
      .filter(({ index }) => known.size === 0 || !known.has(index));
    this.#feeders.get(lane)?.offer({ sequence, connection, receivedAt, events }, previous);
  }

  #onClaimed(claimed: ClaimedLane): void {
    const { router, observer, laneOf, rateLimits } = this.options;
    const target = laneOf(claimed.lane);
    router.open(target, takeOverLimits(claimed, rateLimits), () => claimed.mayBegin());
    const feeder = new LaneFeeder(claimed, target, this.#environment);
    this.#feeders.set(claimed.lane, feeder);
    observer.onClaimed(claimed.lane, claimed.events);
    if (this.#isStopped) void this.#release(claimed.lane);
    else feeder.wake(true);
  }

  #onLost(lane: string): void {
    const feeder = this.#feeders.get(lane);
    if (feeder === undefined) return;
    this.#feeders.delete(lane);
    feeder.drop();
    void this.options.router.withdraw(lane);
    this.options.observer.onReleased(lane, 'lost');
  }

  /** Sends nothing more of the lane, and gives it back when what is in flight is settled. */
  #release(lane: string): Promise<void> {
    const feeder = this.#feeders.get(lane);
    if (feeder === undefined) return Promise.resolve();
    this.#feeders.delete(lane);
    const leaving = this.#leave(feeder).finally(() => {
      this.#leaving.delete(feeder);
    });
    this.#leaving.set(feeder, leaving);
    return leaving;
  }

  async #leave(feeder: LaneFeeder): Promise<void> {
    const { router, observer } = this.options;
    const lane = feeder.claimed.lane;
    feeder.stop();
    const limits = await router.withdraw(lane);
    await feeder.flush();
    try {
      await feeder.claimed.release(JSON.stringify(limits ?? {}));
      observer.onReleased(lane, 'released');
    } catch (error) {
      // The store counts it as not given back; nothing of it is lost.
      observer.onStoreTrouble(lane, error);
    }
  }

  #wakeHungry(): void {
    if (this.#isWaking || this.#isStopped) return;
    this.#isWaking = true;
    // Once for all events that are settled in this turn.
    queueMicrotask(() => {
      this.#isWaking = false;
      for (const feeder of this.#feeders.values()) if (feeder.isHungry) feeder.wake(false);
    });
  }

  async #refreshLetters(): Promise<void> {
    // The last numbers stay: what can't be reached is told by everything else that asks for it.
    await this.#backlog.refreshLetters(this.options.store).catch(() => undefined);
    if (this.#isStopped) return;
    this.#cancelRefreshLetters = this.options.clock.schedule(refreshLettersMs, () => {
      void this.#refreshLetters();
    });
  }

  async #refresh(): Promise<void> {
    try {
      await this.#backlog.refresh(this.options.store);
    } catch (error) {
      this.options.observer.onStoreTrouble('', error);
    }
    if (this.#isStopped) return;
    this.#cancelRefresh = this.options.clock.schedule(refreshMs, () => {
      void this.#refresh();
    });
  }
}
