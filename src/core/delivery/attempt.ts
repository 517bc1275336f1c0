import type { Operation } from '../batching/operation.js';
import type { SendOutcome } from './reply.js';

/** One request to the destination, as the events in it see it. */
export interface Attempt {
  /** Tells requests apart. */
  readonly requestId: string;
  readonly kind: string;
  /** Items of the request. */
  readonly items: number;
  /** When it left; milliseconds since the epoch. */
  readonly at: number;
  readonly seconds: number;
  /** The HTTP status, or why there is none. */
  readonly status: number | 'timeout' | 'network';
  /** What it meant for the request as a whole. */
  readonly outcome: SendOutcome['type'];
  /** The destination's words; empty where it was content. */
  readonly detail: string;
}

/** Hears of each attempt to deliver an operation of one event. It must not throw. */
export interface AttemptListener {
  onAttempt(attempt: Attempt, operation: Operation): void;
}
