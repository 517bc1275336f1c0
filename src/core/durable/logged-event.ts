import type { Operation } from '../batching/operation.js';
import type { Attempt, AttemptListener } from '../delivery/attempt.js';

/** What is known of an event when it begins its way to the destination. */
export interface EventFacts {
  /** Key of the lane. */
  readonly lane: string;
  readonly connection: string;
  readonly messageId: string;
  readonly type: string;
  /** Milliseconds since the epoch. */
  readonly receivedAt: number;
  /** Kept as they are, not copied. */
  readonly operations: readonly Operation[];
}

export type SettledOutcome =
  | { readonly type: 'delivered' }
  | { readonly type: 'rejected' | 'dropped'; readonly reason: string; readonly detail: string }
  /** Nothing more is done for it here and now; it stays stored, and is tried again. */
  | { readonly type: 'deferred'; readonly detail: string };

export type LoggedOutcome = { readonly type: 'queued' } | SettledOutcome;

/** Of an operation, what the log keeps; `bytes` are those of the whole text. */
export type LoggedOperation = Pick<Operation, 'kind' | 'keys' | 'text' | 'bytes'>;

/** An operation's text as it is shown. */
export interface ShownText {
  readonly text: string;
  readonly isCut: boolean;
}

/** The part of a log that the events of one lane take. */
export interface LaneShare {
  /** The oldest first. */
  readonly events: LoggedEvent[];
  bytes: number;
}

/** What the events of a log have in common. */
export interface LogTotals {
  events: number;
  bytes: number;
  readonly now: () => number;
}

/** Characters of an operation's text that are kept once the event is settled, and shown at any time. */
export const maxShownText = 2_048;
/** Attempts that are kept: the first, which says how it began, and the last ones. */
const maxAttempts = 10;
/**
 * What an event and an operation take beside the operation's text, about. Measured: 200,000 delivered events of one
 * operation took 279 bytes each beside their texts (Node 20.20, heap used after a collection).
 */
const eventOverhead = 160;
const operationOverhead = 130;

const queued: LoggedOutcome = { type: 'queued' };
const none: readonly Attempt[] = [];

/** One event in the delivery log, from its beginning until it is forgotten. */
export class LoggedEvent implements AttemptListener {
  readonly lane: string;
  readonly connection: string;
  readonly messageId: string;
  readonly type: string;
  readonly receivedAt: number;
  /** Grows in the order in which events begin. */
  readonly sequence: number;
  #operations: readonly LoggedOperation[];
  #outcome: LoggedOutcome = queued;
  #settledAt: number | undefined;
  #attempts: Attempt[] | undefined;
  #requests = 0;
  #bytes: number;
  /** Undefined once the event is forgotten. */
  #share: LaneShare | undefined;
  readonly #totals: LogTotals;

  constructor(facts: EventFacts, sequence: number, share: LaneShare, totals: LogTotals) {
    this.lane = facts.lane;
    this.connection = facts.connection;
    this.messageId = facts.messageId;
    this.type = facts.type;
    this.receivedAt = facts.receivedAt;
    this.sequence = sequence;
    this.#operations = facts.operations;
    this.#bytes = heldBytes(facts.operations);
    this.#share = share;
    this.#totals = totals;
    totals.events += 1;
    this.#count(this.#bytes);
  }

  get operations(): readonly LoggedOperation[] {
    return this.#operations;
  }

  get outcome(): LoggedOutcome {
    return this.#outcome;
  }

  /** Milliseconds since the epoch. */
  get settledAt(): number | undefined {
    return this.#settledAt;
  }

  /** Requests that carried some of the event: the first and the last nine, in their order. */
  get attempts(): readonly Attempt[] {
    return this.#attempts ?? none;
  }

  /** All of those requests, kept or not. */
  get attemptsInAll(): number {
    return this.#requests;
  }

  onAttempt(attempt: Attempt, _operation: Operation): void {
    const attempts = this.#attempts;
    if (attempts === undefined) {
      this.#requests = 1;
      this.#attempts = [attempt];
      return;
    }
    // Two operations in one request are one attempt.
    if (attempts.at(-1)?.requestId === attempt.requestId) return;
    this.#requests += 1;
    if (attempts.length === maxAttempts) attempts.splice(1, 1);
    attempts.push(attempt);
  }

  /** May be called again: what was deferred may yet be delivered. */
  settle(outcome: SettledOutcome): void {
    this.#outcome = outcome;
    this.#settledAt = this.#totals.now();
    // Until now the lane held the texts as well; from now on a long one would be held by the log alone.
    if (!hasLongText(this.#operations)) return;
    this.#operations = this.#operations.map(withShortText);
    const bytes = shortBytes(this.#operations);
    this.#count(bytes - this.#bytes);
    this.#bytes = bytes;
  }

  /** The log has let go of it; whoever still delivers it may go on telling. */
  forget(): void {
    if (this.#share === undefined) return;
    this.#count(-this.#bytes);
    this.#totals.events -= 1;
    this.#share = undefined;
  }

  #count(bytes: number): void {
    if (this.#share === undefined) return;
    this.#share.bytes += bytes;
    this.#totals.bytes += bytes;
  }
}

/** The first 2,048 characters of an operation's text. */
export function shownText({ text, bytes }: LoggedOperation): ShownText {
  if (text.length > maxShownText) return { text: text.slice(0, maxShownText).toWellFormed(), isCut: true };
  return { text, isCut: text.length === maxShownText && Buffer.byteLength(text) < bytes };
}

function heldBytes(operations: readonly LoggedOperation[]): number {
  let held = eventOverhead;
  for (const { bytes } of operations) held += operationOverhead + bytes;
  return held;
}

/** The same where texts may be shorter than their operations say. */
function shortBytes(operations: readonly LoggedOperation[]): number {
  return heldBytes(operations.map((operation) => ({ ...operation, bytes: Buffer.byteLength(operation.text) })));
}

function hasLongText(operations: readonly LoggedOperation[]): boolean {
  for (const { text } of operations) if (text.length > maxShownText) return true;
  return false;
}

function withShortText({ kind, keys, text, bytes }: LoggedOperation): LoggedOperation {
  // A slice would hold on to the whole text.
  const short = text.length > maxShownText ? Buffer.from(text.slice(0, maxShownText)).toString() : text;
  return { kind, keys, text: short, bytes };
}
