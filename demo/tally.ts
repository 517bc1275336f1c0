import type { Refusal } from './expectation.js';
import type { Batch, Sent } from './send-batch.js';

/** What the service said about the events it was sent. */
export interface Answers {
  readonly events: number;
  readonly delivered: number;
  readonly dropped: number;
  readonly rejected: number;
  /** By messageId. */
  readonly refused: Readonly<Record<string, Refusal>>;
  /** Events by what was put right in them. */
  readonly adjustments: Readonly<Record<string, number>>;
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
  private readonly counts = { events: 0, delivered: 0, dropped: 0, rejected: 0 };
  private readonly refused = new Map<string, Refusal>();
  private readonly adjustments = new Map<string, number>();
  private readonly sent = { requests: 0, gzipRequests: 0, repeatedRequests: 0, bytes: 0 };

  get events(): number {
    return this.counts.events;
  }

  add(batch: Batch, { answer, attempts, bytes }: Sent): void {
    this.counts.events += answer.received;
    this.counts.delivered += answer.delivered;
    this.counts.dropped += answer.dropped;
    this.counts.rejected += answer.rejected;
    for (const { messageId = '', outcome, reason = '', adjustments = [] } of answer.results) {
      if (outcome !== 'delivered') this.refused.set(messageId, { outcome, reason });
      for (const kind of adjustments) this.adjustments.set(kind, (this.adjustments.get(kind) ?? 0) + 1);
    }
    this.sent.requests += 1;
    this.sent.repeatedRequests += attempts - 1;
    this.sent.bytes += bytes * attempts;
    if (batch.gzip) this.sent.gzipRequests += 1;
  }

  answers(): Answers {
    return {
      ...this.counts,
      refused: Object.fromEntries(this.refused),
      adjustments: Object.fromEntries(this.adjustments),
    };
  }

  traffic(): Traffic {
    return { ...this.sent };
  }
}
