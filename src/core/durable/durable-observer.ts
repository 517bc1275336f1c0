import type { IntakeObserver } from '../intake.js';

/** Hears what becomes of events between door, store and delivery; metrics and logs are made of it. It must not throw. */
export interface DurableObserver extends IntakeObserver {
  /** Events of one request are on disk. */
  onStored(events: number, seconds: number): void;
  /** Events that a sender repeated, and that were not stored again. */
  onRepeats(events: number): void;
  /** This process is the sender of the lane from now on; `events` wait in it, about. */
  onClaimed(lane: string, events: number): void;
  /** It is no longer. */
  onReleased(lane: string, cause: 'released' | 'lost'): void;
  /** The store does not take what became of the lane's events, or does not give the next ones; it is asked again. */
  onStoreTrouble(lane: string, error: unknown): void;
  /** Nothing more of the lane is read or settled until the process is started anew; nothing is lost. */
  onLaneStopped(lane: string, error: unknown): void;
}
