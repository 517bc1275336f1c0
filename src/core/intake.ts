import type { Clock } from './clock.js';
import type { CompiledConnection } from './compiled-connection.js';
import type { DeliveryRouter } from './delivery/delivery-router.js';
import type { EventOutcome } from './delivery/ticket.js';
import { isJsonObject, type Json } from './json/json.js';
import { isLongerThan } from './json/json-size.js';
import type { AdjustmentReason, DropReason, RejectionReason } from './reasons.js';
import { reasons } from './reasons.js';
import type { TransformResult } from './transform-result.js';

/** What the sender of an event is told. */
export interface EventResult {
  readonly messageId?: string;
  /** `accepted`: it is stored, and will be delivered or become a dead letter. */
  readonly outcome: 'accepted' | 'delivered' | 'rejected' | 'dropped' | 'pending';
  readonly reason?: RejectionReason | DropReason;
  readonly message?: string;
  readonly adjustments?: readonly AdjustmentReason[];
}

/** An event as a source hands it in, with what the source found out about its text. */
export interface IncomingEvent {
  readonly value: Json;
  readonly adjustments?: readonly AdjustmentReason[];
}

/** What stands behind the doors. */
export interface Intake {
  /** Whether anything is taken in now; asked before a request is read. */
  hasRoom(): boolean;
  /**
   * Takes the events of one request in. Results are in the order of the events; `pending` for those that only the sender
   * has. One event never changes the result of another.
   *
   * @throws StoreFull, StoreUnavailable: nothing was taken in, and the sender keeps it all.
   */
  takeIn(events: readonly IncomingEvent[], connection: CompiledConnection): Promise<readonly EventResult[]>;
}

/** Hears what becomes of events; metrics are made of it. */
export interface IntakeObserver {
  onReceived(type: string): void;
  onTransformed(seconds: number): void;
  /** A transform threw: a fault of ours, whatever the event. */
  onFault(error: unknown): void;
  onOperation(kind: string): void;
  /** `abandoned`: not settled, for the stop of the service or for want of room; its sender is told to send it again. */
  onOutcome(
    outcome: 'delivered' | 'rejected' | 'dropped' | 'abandoned',
    reason: RejectionReason | DropReason | undefined,
  ): void;
  onAdjustment(reason: AdjustmentReason): void;
}

export interface SynchronousIntakeOptions {
  readonly router: DeliveryRouter;
  readonly clock: Clock;
  readonly observer: IntakeObserver;
  /** Longest wait for the destination before the sender is told to ask again. */
  readonly answerTimeoutMs: number;
  /** Longest JSON text of one event, in characters. */
  readonly maxEventLength: number;
}

/** An intake that keeps nothing: an event is the sender's until the destination has it. */
export function synchronousIntake(options: SynchronousIntakeOptions): Intake {
  return {
    hasRoom: () => options.router.hasRoom(),
    takeIn: (events, connection) => takeIn(events, connection, options),
  };
}

/**
 * Transforms the events of one request and hands them to delivery. Answers when every event is settled, because until
 * then only the sender has it; or after `answerTimeoutMs`, with `pending` for those that are not. Results are in the
 * order of the events. One event never changes the result of another.
 */
export async function takeIn(
  events: readonly IncomingEvent[],
  { transform, eventKey }: Pick<CompiledConnection, 'transform' | 'eventKey'>,
  options: SynchronousIntakeOptions,
): Promise<readonly EventResult[]> {
  const results: EventResult[] = [];
  const deliveries: Promise<void>[] = [];
  let transformMs = 0;
  events.forEach((event, index) => {
    const startedAt = performance.now();
    const result = mapOne(event, transform, options);
    transformMs += performance.now() - startedAt;
    const base = describe(event, result);
    if (result.outcome !== 'mapped') {
      results[index] = { ...base, ...refusal(result) };
      options.observer.onOutcome(result.outcome, result.reason);
      return;
    }
    results[index] = { ...base, outcome: 'pending' };
    // Asked for each event, because one request may become more than there is room for, in its lane or in all: the
    // sender keeps the rest.
    if (!options.router.hasRoom(result.operations[0]?.lane)) {
      options.observer.onOutcome('abandoned', undefined);
      return;
    }
    for (const operation of result.operations) options.observer.onOperation(operation.kind);
    const delivery = options.router.deliver(result.operations, eventKey(event.value) || undefined).then((outcome) => {
      const settled = settledResult(outcome);
      results[index] = { ...base, ...settled };
      options.observer.onOutcome(settled.outcome === 'pending' ? 'abandoned' : settled.outcome, settled.reason);
    });
    deliveries.push(delivery);
  });
  options.observer.onTransformed(transformMs / 1000);

  const patience = new AbortController();
  await Promise.race([Promise.all(deliveries), options.clock.sleep(options.answerTimeoutMs, patience.signal)]);
  patience.abort();
  return [...results];
}

function mapOne(
  event: IncomingEvent,
  transform: (event: Json) => TransformResult,
  { observer, maxEventLength }: SynchronousIntakeOptions,
): TransformResult {
  const type = isJsonObject(event.value) ? event.value.type : undefined;
  observer.onReceived(typeof type === 'string' ? type : '');
  if (isLongerThan(event.value, maxEventLength)) {
    return { outcome: 'rejected', reason: 'event_too_large', detail: `over ${maxEventLength} characters` };
  }
  const result = transformSafely(event.value, transform, observer);
  if (result.outcome === 'mapped') {
    for (const reason of event.adjustments ?? []) result.adjustments.note(reason);
    for (const reason of result.adjustments.reasons()) observer.onAdjustment(reason);
  }
  return result;
}

/** A fault of the service costs the event that met it, not its neighbours. */
function transformSafely(
  event: Json,
  transform: (event: Json) => TransformResult,
  observer: IntakeObserver,
): TransformResult {
  try {
    return transform(event);
  } catch (error) {
    observer.onFault(error);
    return { outcome: 'rejected', reason: 'internal_error', detail: reasons.internal_error.summary };
  }
}

function describe(event: IncomingEvent, result: TransformResult): Partial<EventResult> {
  const messageId = isJsonObject(event.value) ? event.value.messageId : undefined;
  const hasId = typeof messageId === 'string' || typeof messageId === 'number';
  const adjustments = result.outcome === 'mapped' ? result.adjustments.reasons() : [];
  return {
    ...(hasId ? { messageId: String(messageId).slice(0, 200) } : {}),
    ...(adjustments.length > 0 ? { adjustments } : {}),
  };
}

function refusal(result: Exclude<TransformResult, { outcome: 'mapped' }>): EventResult {
  const message = result.outcome === 'rejected' ? result.detail : reasons[result.reason].summary;
  return { outcome: result.outcome, reason: result.reason, message };
}

function settledResult(outcome: EventOutcome): EventResult & {
  readonly outcome: Exclude<EventResult['outcome'], 'accepted' | 'dropped'>;
} {
  switch (outcome.type) {
    case 'delivered':
      return { outcome: 'delivered' };
    case 'abandoned':
      return { outcome: 'pending' };
    case 'rejected':
      return { outcome: 'rejected', reason: outcome.reason, message: outcome.detail };
  }
}
