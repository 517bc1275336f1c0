import type { DeletionClient, HeapCredentials, RequestOutcome, StatusOutcome } from './deletion-client.js';
import type { DeletionFailure } from './deletion-failure.js';

/**
 * Calls of Heap's deletion API under one token, which is got at the first of them and again when Heap stops taking it:
 * a token lives for five minutes. A new token that is not taken either is the credentials' fault.
 */
export class DeletionSession {
  #token: string | undefined;

  constructor(
    private readonly client: DeletionClient,
    private readonly credentials: HeapCredentials,
    private readonly signal: AbortSignal,
  ) {}

  requestDeletion(identities: readonly string[]): Promise<RequestOutcome> {
    return this.#authorised((token) => this.client.requestDeletion(token, identities, this.signal));
  }

  deletionStatus(requestId: string): Promise<StatusOutcome> {
    return this.#authorised((token) => this.client.deletionStatus(token, requestId, this.signal));
  }

  async #authorised<Outcome extends { readonly type: string }>(
    call: (token: string) => Promise<Outcome | DeletionFailure>,
  ): Promise<Outcome | DeletionFailure> {
    if (this.#token !== undefined) {
      const outcome = await call(this.#token);
      if (outcome.type !== 'unauthorized') return outcome;
    }
    const fetched = await this.client.token(this.credentials, this.signal);
    if (fetched.type !== 'ok') return fetched;
    this.#token = fetched.token;
    return call(fetched.token);
  }
}
