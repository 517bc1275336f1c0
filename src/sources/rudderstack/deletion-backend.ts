/** A deletion of users at a destination, as the regulation worker asks for it. */
export interface DeletionRequest {
  readonly credentials: { readonly appId: string; readonly apiKey: string };
  /** At least one; never empty texts. */
  readonly identities: readonly string[];
  /** The worker's job: the same in every repetition of a request, another in another request. */
  readonly jobId?: string;
}

/** What became of it. Each `detail` is one sentence for the worker's log, without credentials. */
export type DeletionOutcome =
  /** The destination says that all users are gone. */
  | { readonly type: 'complete' }
  /** It was taken and goes on; asked again, the backend tells how far it is. */
  | { readonly type: 'pending'; readonly detail: string }
  | { readonly type: 'unauthorized'; readonly detail: string }
  | { readonly type: 'refused'; readonly detail: string }
  | { readonly type: 'throttled'; readonly detail: string; readonly afterMs?: number }
  | { readonly type: 'unavailable'; readonly detail: string; readonly afterMs?: number };

/** The port to the destination that deletes. */
export interface DeletionBackend {
  /** Safe to repeat: the same request again must not delete twice what is on its way. */
  remove(request: DeletionRequest, signal: AbortSignal): Promise<DeletionOutcome>;
}
