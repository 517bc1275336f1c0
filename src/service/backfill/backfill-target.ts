import type { DropReason, RejectionReason } from '../../core/reasons.js';
import type { HistoryEvent } from './prepare-line.js';

/** What became of an event at the place that it was brought to. */
export type TargetOutcome =
  /** Stored, or at Heap. */
  | { readonly type: 'taken' }
  /** It was there before, and was not stored again. */
  | { readonly type: 'repeat' }
  | { readonly type: 'rejected'; readonly reason: RejectionReason | 'json_malformed'; readonly detail: string }
  | { readonly type: 'dropped'; readonly reason: DropReason };

/** Where the events of a backfill go. */
export interface BackfillTarget {
  /** What is waited for now, in words for a person; undefined while it flows. */
  readonly waitingFor: string | undefined;
  /**
   * Takes the next event; nothing, or a promise that resolves when there is room for another. `onSettled` is called once,
   * when the event needs no more care, in any order; or never, where the target is stopped before.
   *
   * @throws BackfillStopped
   */
  put(event: HistoryEvent, bytes: number, onSettled: (outcome: TargetOutcome) => void): Promise<void> | undefined;
  /**
   * Resolves when everything that was put is settled.
   *
   * @throws BackfillStopped
   */
  flush(): Promise<void>;
  /** Waits for what is under way, within bounds, begins nothing more and closes what was opened. Never rejects. */
  stop(): Promise<void>;
}
