/** The work of one sending process. */
export interface SenderPlan {
  /**
   * - `router`: what the service does.
   * - `naive`: one request per event.
   * - `floor`: requests as the router makes them, ready-made: what HTTP alone takes.
   */
  readonly contender: 'router' | 'naive' | 'floor';
  readonly lanes: number;
  /** Events of one lane that arrive together; lanes take turns. */
  readonly burst: number;
  /** Operations that wait or are in flight, at most. */
  readonly maxBacklog: number;
  /** Requests in flight at once, at most. */
  readonly connections: number;
  readonly sinkUrl: string;
}

/** Events to be delivered, numbered from `first`; no two runs on one sink share a number. */
export interface Batch {
  readonly first: number;
  readonly events: number;
}

/** What one run took the sending process. */
export interface RunResult {
  readonly events: number;
  readonly requests: number;
  /** User and system, of all threads. */
  readonly cpuMs: number;
  readonly wallMs: number;
}

/** What the sink saw since the last batch was announced. */
export interface Tally {
  readonly port: number;
  readonly requests: number;
  readonly events: number;
  /** Numbers of the batch that never came. */
  readonly missing: number;
  /** Events whose number had come before, or is not of the batch. */
  readonly surplus: number;
}

/** How many events a request holds that is full. */
export const itemsPerRequest = 100;
