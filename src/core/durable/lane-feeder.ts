import type { LaneTarget } from '../batching/operation.js';
import type { Clock } from '../clock.js';
import type { DeliveryRouter } from '../delivery/delivery-router.js';
import { Fifo } from '../delivery/fifo.js';
import { isJsonObject, type Json } from '../json/json.js';
import { reasons } from '../reasons.js';
import type { Chunk, ClaimedLane } from '../store/store.js';
import { messageIdOf } from './accept-events.js';
import type { DeliveryLog } from './delivery-log.js';
import type { CompiledConnection } from '../compiled-connection.js';
import type { DurableObserver } from './durable-observer.js';
import { FedEvent, type DoneOutcome } from './fed-event.js';
import { HotKeys, type SetAside } from './hot-keys.js';
import { Memos } from './memos.js';
import { parseStored, RejectedEvents } from './rejected-events.js';
import { SettleOrder } from './settle-order.js';
import { isLaneLost, mayBeRepeated, Settlements } from './settlements.js';
import { decodeStoredEvent, encodeStoredEvent, operationFingerprint } from './stored-event.js';
import { transformStored, type TransformStoredOptions } from './transform-stored.js';
import type { Turns } from './turns.js';

export interface FeederEnvironment {
  readonly router: DeliveryRouter;
  readonly connectionOf: (id: string) => CompiledConnection | undefined;
  readonly clock: Clock;
  readonly observer: DurableObserver;
  readonly log: DeliveryLog;
  /** Reading and transforming, which all lanes share. */
  readonly turns: Turns;
  /** An event of some lane was settled: there is room for others. */
  readonly onRoom: () => void;
  /** Events of one key that are in memory at once. */
  readonly maxPerKey: number;
  /**
   * The most that the time in the store counts towards the age at which an event is given up: whoever sends a lane anew
   * tries each event for some time, however long it had to wait for a setting to be mended or for its turn.
   */
  readonly maxCountedAgeMs: number;
  /** Events of a lane that are set aside for their key, at most; then nothing more is read. */
  readonly maxAside: number;
}

/** Events as they came from the store, or from the door right after they were stored. */
export interface FedChunk extends Omit<Chunk, 'lane' | 'events'> {
  readonly events: readonly { readonly index: number; readonly value: Json; readonly delivered: readonly string[] }[];
}

/** Events of a lane that are done and not yet committed; beyond them nothing is read. */
const maxUnsettled = 4_000;
/** Bytes of events that are read and transformed in one go; others of the process wait for so long. */
const readBytes = 128 * 1024;
const readAgainMs = 1_000;

/** Where an event stands in the store. */
interface Position {
  readonly sequence: number;
  readonly index: number;
}

/**
 * Brings the events of one lane from the store to delivery, in order, with as many in memory as the router has room for,
 * and brings back what became of them. An event is settled when it is delivered, when there is nothing to deliver for it,
 * or when it is a dead letter; what is not settled when the process ends is read again by the next one.
 */
export class LaneFeeder {
  readonly #settlements: Settlements;
  readonly #rejected: RejectedEvents;
  readonly #transforming: TransformStoredOptions;
  readonly #memos: Memos;
  readonly #order = new SettleOrder();
  readonly #hotKeys: HotKeys<Position>;
  /** Events that were set aside, and are to be read again. */
  readonly #released = new Fifo<SetAside<Position>>();
  /** The first sequence that was not taken; they begin with 1. */
  #next = 1;
  /** There may be something at `next` or behind it. */
  #hasMore = true;
  #isPumping = false;
  #isStopped = false;
  #cancelRetry: (() => void) | undefined;

  constructor(
    readonly claimed: ClaimedLane,
    readonly target: LaneTarget,
    private readonly environment: FeederEnvironment,
  ) {
    const { clock, observer, router, maxPerKey } = environment;
    this.#hotKeys = new HotKeys(maxPerKey);
    this.#transforming = {
      connectionOf: environment.connectionOf,
      onFault: (error) => {
        observer.onFault(error);
      },
    };
    const onTrouble = (error: unknown): void => {
      observer.onStoreTrouble(target.key, error);
    };
    this.#rejected = new RejectedEvents({ lane: claimed, clock, onTrouble, isStopped: () => this.#isStopped });
    this.#memos = new Memos(clock, () => {
      this.#settlements.writeMemo();
    });
    this.#settlements = new Settlements({
      lane: claimed,
      clock,
      memo: () => {
        const limits = router.usedLimits(target.key);
        return limits && JSON.stringify(limits);
      },
      onTrouble,
      onRoom: () => {
        this.wake(false);
      },
      onFailed: (error) => {
        this.#fail(error);
      },
    });
  }

  /** It would read on now. Cheap: all lanes are asked whenever something is settled. */
  get isHungry(): boolean {
    return this.#hasMore && !this.#isPumping && this.#mayTake();
  }

  /** Something was appended to the lane, or there is room again. */
  wake(isAppended: boolean): void {
    if (isAppended) this.#hasMore = true;
    if (this.#hasMore || this.#hasReleased) void this.#pump();
  }

  /**
   * Takes a chunk that was just appended, so that it need not be read. Where something stands before it, or there is no
   * room, it is read when it is its turn.
   */
  offer(chunk: FedChunk, previous: number | undefined): void {
    const isNext = previous !== undefined && previous < this.#next && chunk.sequence >= this.#next;
    // What was set aside comes before.
    const isFree = !this.#isPumping && !this.#hasReleased && this.#mayTake();
    if (!isNext || !isFree) {
      this.wake(true);
      return;
    }
    this.#next = chunk.sequence + 1;
    this.#isPumping = true;
    try {
      this.#take(chunk);
    } finally {
      this.#isPumping = false;
    }
    this.wake(false);
  }

  get #hasReleased(): boolean {
    return this.#released.length > 0 || this.#hotKeys.mayRelease;
  }

  /** Takes nothing more, and tells the store nothing that is not on its way. */
  stop(): void {
    this.#isStopped = true;
    this.#cancelRetry?.();
    this.#memos.stop();
  }

  /** Resolves when the store knows what is known; to be called when the router has withdrawn the lane. */
  async flush(): Promise<void> {
    await this.#settlements.flush();
  }

  /** Somebody else is the lane's sender. */
  drop(): void {
    this.stop();
    this.#settlements.giveUp();
  }

  async #pump(): Promise<void> {
    if (this.#isPumping || this.#isStopped) return;
    this.#isPumping = true;
    try {
      await this.#takeReleased();
      while (this.#hasMore && this.#mayTake()) await this.environment.turns.run(() => this.#readSome());
    } catch (error) {
      if (mayBeRepeated(error)) this.#retryLater(error);
      else this.#fail(error);
    } finally {
      this.#isPumping = false;
    }
    // What came meanwhile was left to this run.
    const isDue = this.#hasReleased || (this.#hasMore && this.#mayTake());
    if (isDue && this.#cancelRetry === undefined) void this.#pump();
  }

  #mayTake(): boolean {
    const { router, maxAside } = this.environment;
    const isSettling = this.#settlements.size < maxUnsettled;
    return !this.#isStopped && isSettling && this.#hotKeys.size < maxAside && router.hasRoom(this.target);
  }

  async #readSome(): Promise<void> {
    if (!this.#mayTake()) return;
    this.#hasMore = false;
    const chunks = await this.claimed.read(this.#next, readBytes);
    if (this.#isStopped) return;
    for (const chunk of chunks) {
      this.#hasMore = true;
      this.#next = chunk.sequence + 1;
      this.#take({
        ...chunk,
        events: chunk.events.map(({ index, text }) => {
          const { event, delivered } = decodeStoredEvent(text);
          return { index, value: parseStored(event), delivered };
        }),
      });
    }
    await this.#takeReleased();
  }

  /** Events that were set aside and may go now: they are read again. */
  async #takeReleased(): Promise<void> {
    for (const event of this.#hotKeys.release()) this.#released.push(event);
    let chunk: Chunk | undefined;
    for (let next = this.#released.front; next !== undefined; next = this.#released.front) {
      const { sequence, index } = next.position;
      if (chunk?.sequence !== sequence) [chunk] = await this.claimed.read(sequence, 1);
      if (this.#isStopped) return;
      // Not before: where it can't be read now, it is when the store is well again.
      this.#released.shift();
      const stored = chunk?.sequence === sequence ? chunk.events.find((each) => each.index === index) : undefined;
      if (chunk === undefined || stored === undefined) {
        // A damaged record was set aside, and reported; its neighbours go on.
        this.#hotKeys.leave(next.keys);
        continue;
      }
      const { event, delivered } = decodeStoredEvent(stored.text);
      this.#takeEvent(chunk, { index, value: parseStored(event), delivered }, true);
    }
  }

  #take(chunk: FedChunk): void {
    const startedAt = performance.now();
    for (const event of chunk.events) this.#takeEvent(chunk, event, false);
    this.environment.observer.onTransformed((performance.now() - startedAt) / 1000);
  }

  /** @param isAdmitted it was set aside, and counts as being in memory. */
  #takeEvent(
    { sequence, connection, receivedAt }: Omit<FedChunk, 'events'>,
    { index, value, delivered }: FedChunk['events'][number],
    isAdmitted: boolean,
  ): void {
    const { router, observer, clock, log, maxCountedAgeMs } = this.environment;
    const result = transformStored(value, connection, this.target, this.#transforming);
    const operations =
      result.outcome !== 'mapped'
        ? []
        : delivered.length === 0
          ? result.operations
          : result.operations.filter((operation) => !delivered.includes(operationFingerprint(operation)));
    const keys = [...new Set(operations.flatMap((operation) => operation.keys))];
    if (!isAdmitted && !this.#hotKeys.enter({ sequence, index }, keys)) return;

    const type = isJsonObject(value) && typeof value.type === 'string' ? value.type : '';
    const logged = log.begin({
      ...{ lane: this.target.key, connection, messageId: messageIdOf(value), type, receivedAt, operations },
    });
    const event = new FedEvent({ sequence, index, keys, connection, receivedAt }, logged, this.#settleOne);
    this.#order.add(event);
    if (result.outcome === 'dropped') {
      this.#onOutcome(event, { type: 'dropped', reason: result.reason });
      return;
    }
    if (result.outcome === 'rejected') {
      event.text = encodeStoredEvent(JSON.stringify(value), delivered);
      this.#onOutcome(event, { type: 'rejected', reason: result.reason, detail: result.detail });
      return;
    }
    for (const reason of result.adjustments.reasons()) observer.onAdjustment(reason);
    for (const { kind } of operations) observer.onOperation(kind);
    const ageMs = Math.min(Math.max(0, clock.now() - receivedAt), maxCountedAgeMs);
    this.#memos.expect();
    void router.deliverStored(operations, ageMs, logged).then((outcome) => {
      this.#onOutcome(event, outcome);
    });
  }

  #onOutcome(event: FedEvent, outcome: DoneOutcome | { readonly type: 'abandoned' }): void {
    const { observer, onRoom } = this.environment;
    const { logged } = event;
    // From here on it may wait for a long time for earlier events of its user: the log forgets as it likes.
    event.logged = undefined;
    if (outcome.type === 'abandoned') {
      // It is still in the store, and whoever sends the lane next reads it there.
      logged?.settle({ type: 'deferred', detail: 'this process gave the lane back' });
      onRoom();
      return;
    }
    event.attempts = logged?.attemptsInAll ?? 0;
    event.outcome = outcome;
    switch (outcome.type) {
      case 'delivered':
        observer.onOutcome('delivered', undefined);
        logged?.settle(outcome);
        break;
      case 'dropped':
      case 'rejected':
        observer.onOutcome(outcome.type, outcome.reason);
        logged?.settle({ detail: reasons[outcome.reason].summary, ...outcome });
        break;
    }
    this.#order.done(event);
    onRoom();
    if (this.isHungry || this.#hotKeys.mayRelease) void this.#pump();
  }

  readonly #settleOne = (event: FedEvent): void => {
    const { outcome, facts } = event;
    const letter = outcome?.type === 'rejected' ? this.#rejected.letterOf(event, outcome) : undefined;
    this.#settlements.add(facts.sequence, facts.index, letter);
    this.#hotKeys.leave(facts.keys);
  };

  #retryLater(error: unknown): void {
    this.#hasMore = true;
    this.environment.observer.onStoreTrouble(this.target.key, error);
    this.#cancelRetry ??= this.environment.clock.schedule(readAgainMs, () => {
      this.#cancelRetry = undefined;
      void this.#pump();
    });
  }

  #fail(error: unknown): void {
    if (this.#isStopped) return;
    this.drop();
    void this.environment.router.withdraw(this.target.key);
    if (!isLaneLost(error)) this.environment.observer.onLaneStopped(this.target.key, error);
  }
}
