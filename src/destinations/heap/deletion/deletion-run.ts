import type { Clock } from '../../../core/clock.js';
import type { DeletionFailure } from './deletion-failure.js';
import type { ChunkState } from './deletion-memory.js';
import type { DeletionSession } from './deletion-session.js';

/** What became of a deletion. */
export type UserDeletionOutcome =
  /** Heap says that all of the users are gone. */
  | { readonly type: 'complete' }
  /** Heap has taken the deletion and not finished. */
  | { readonly type: 'pending'; readonly detail: string }
  | DeletionFailure;

/** The users of one request to Heap, and how far it is. */
export interface Chunk {
  readonly identities: readonly string[];
  state: ChunkState;
}

const complete: UserDeletionOutcome = { type: 'complete' };
const pending: UserDeletionOutcome = {
  type: 'pending',
  detail: 'Heap has taken the deletion and not finished it yet, which may take hours',
};

/** One attempt to bring a deletion to its end. What it finds out stays in the chunks, however it ends. */
export class DeletionRun {
  /** Chunks that this run has requested. */
  readonly #fresh = new Set<Chunk>();
  readonly #deadline: number;

  constructor(
    private readonly session: DeletionSession,
    private readonly clock: Clock,
    waitMs: number,
    private readonly pollMs: number,
    private readonly signal: AbortSignal,
  ) {
    this.#deadline = clock.now() + waitMs;
  }

  async advance(chunks: readonly Chunk[]): Promise<UserDeletionOutcome> {
    // All are requested before any is waited for, so that Heap works on them at the same time.
    for (const chunk of chunks) {
      const failure = chunk.state.type === 'open' ? await this.#request(chunk) : undefined;
      if (failure !== undefined) return failure;
    }
    // All have to be complete, so the first that is not says enough: the others need not be looked at meanwhile.
    for (const chunk of chunks) {
      const outcome = await this.#settle(chunk);
      if (outcome.type !== 'complete') return outcome;
    }
    return complete;
  }

  async #request(chunk: Chunk): Promise<DeletionFailure | undefined> {
    const outcome = await this.session.requestDeletion(chunk.identities);
    if (outcome.type !== 'ok') return outcome;
    chunk.state = { type: 'requested', requestId: outcome.requestId };
    this.#fresh.add(chunk);
    return undefined;
  }

  /** Looks at a requested chunk until it is complete, something fails, or the time is up. */
  async #settle(chunk: Chunk): Promise<UserDeletionOutcome> {
    while (chunk.state.type === 'requested') {
      const found = await this.session.deletionStatus(chunk.state.requestId);
      if (found.type === 'ok' && found.status === 'complete') {
        chunk.state = { type: 'complete' };
      } else if (found.type === 'unknown' && !this.#fresh.has(chunk)) {
        const failure = await this.#request(chunk);
        if (failure !== undefined) return failure;
      } else if (found.type === 'ok' || found.type === 'unknown') {
        // Pending; a request of a moment ago that is unknown has only not reached all of Heap.
        if (this.clock.now() + this.pollMs > this.#deadline) return pending;
        // Aborted, the signal ends the sleep, and then the next call before it is sent.
        await this.clock.sleep(this.pollMs, this.signal);
      } else {
        return found;
      }
    }
    return complete;
  }
}
