/** An event that was rejected, kept whole until somebody replays or discards it. */
export interface NewDeadLetter {
  readonly lane: string;
  readonly connection: string;
  /** Milliseconds since the epoch, as is `rejectedAt`. */
  readonly receivedAt: number;
  readonly rejectedAt: number;
  readonly reason: string;
  /** What Heap said, or what else tells a person why. */
  readonly detail: string;
  readonly attempts: number;
  /** What its sender knows the event by; empty where it has none. */
  readonly messageId: string;
  /** The JSON text of the event. */
  readonly event: string;
  /** What of the event was delivered before another part of it was rejected, so that a replay leaves it out. */
  readonly delivered: readonly string[];
  /** Where the event stood ("us:9000000101/17/3"). Letters of one origin are one letter: the first that was written. */
  readonly origin: string;
}

export interface DeadLetter extends NewDeadLetter {
  /** Ids sort by `rejectedAt`. */
  readonly id: string;
}

/** What is named must match; what is not named may be anything. */
export interface DeadLetterFilter {
  readonly lane?: string;
  readonly connection?: string;
  readonly reason?: string;
  readonly messageId?: string;
  /** Rejected at this time or later; milliseconds since the epoch. */
  readonly since?: number;
  /** Rejected before this time. */
  readonly until?: number;
}

export interface DeadLetterStats {
  readonly letters: number;
  /** On disk. */
  readonly bytes: number;
  /** `rejectedAt` of the oldest. */
  readonly oldestAt: number | undefined;
}

export function matchesFilter(letter: NewDeadLetter, filter: DeadLetterFilter): boolean {
  const { lane, connection, reason, messageId, since, until } = filter;
  return (
    (lane === undefined || letter.lane === lane) &&
    (connection === undefined || letter.connection === connection) &&
    (reason === undefined || letter.reason === reason) &&
    (messageId === undefined || letter.messageId === messageId) &&
    (since === undefined || letter.rejectedAt >= since) &&
    (until === undefined || letter.rejectedAt < until)
  );
}
