import type { Batch, Sent } from './send-batch.js';

/** What the service said about the events when they were sent. */
export interface Answers {
  readonly events: number;
  readonly accepted: number;
  readonly rejected: number;
  /** Reasons of those that were rejected at once, by messageId. */
  readonly refused: Readonly<Record<string, string>>;
}

/** What it took to send them. */
export interface Traffic {
  readonly requests: number;
  readonly gzipRequests: number;
  /** Requests that had to be sent again. */
  readonly repeatedRequests: number;
  readonly bytes: number;
}

/** Adds up the answers to all batches. */
export class Tally {
  private readonly counts = { events: 0, accepted: 0, rejected: 0 };
  private readonly refused = new Map<string, string>();
  private readonly sent = { requests: 0, gzipRequests: 0, repeatedRequests: 0, bytes: 0 };

  get events(): number {
    return this.counts.events;
  }

  add(batch: Batch, { answer, attempts, bytes }: Sent): void {
    this.counts.events += answer.received;
    this.counts.accepted += answer.accepted;
    this.counts.rejected += answer.rejected;
    for (const { messageId = '', outcome, reason = '' } of answer.results) {
      if (outcome !== 'accepted') this.refused.set(messageId, reason);
    }
    this.sent.requests += 1;
    this.sent.repeatedRequests += attempts - 1;
    this.sent.bytes += bytes * attempts;
    if (batch.gzip) this.sent.gzipRequests += 1;
  }

  answers(): Answers {
    return { ...this.counts, refused: Object.fromEntries(this.refused) };
  }

  traffic(): Traffic {
    return { ...this.sent };
  }
}
