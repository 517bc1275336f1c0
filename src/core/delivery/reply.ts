/** What came back from one HTTP call: an answer, or why there is none. */
export type Reply =
  | {
      readonly type: 'answer';
      readonly status: number;
      readonly retryAfter?: string;
      readonly body: string;
      /** Names in lower case. */
      readonly headers?: Readonly<Record<string, string | readonly string[] | undefined>>;
    }
  | { readonly type: 'noAnswer'; readonly cause: 'timeout' | 'network'; readonly detail: string };

export type FailureCause = 'answer' | 'timeout' | 'network';

/** What a reply means for the request. The destination classifies; delivery only ever acts on these. */
export type SendOutcome =
  | { readonly type: 'delivered' }
  /** Asked to slow down; not a failure. */
  | { readonly type: 'throttled'; readonly afterMs?: number; readonly detail: string }
  /** May work later. `cause`: there was an answer that says so, none in time, or no connection that held. */
  | { readonly type: 'retry'; readonly cause: FailureCause; readonly afterMs?: number; readonly detail: string }
  /** Something in the request is wrong; with several items it is not known which. */
  | { readonly type: 'rejected'; readonly detail: string }
  | { readonly type: 'tooLarge'; readonly detail: string }
  /** The lane's setting is wrong, not the request: nothing of the lane can be delivered until it is mended. */
  | { readonly type: 'halted'; readonly detail: string };

export type Classify = (reply: Reply, now: number) => SendOutcome;
