import type { Clock } from '../../../core/clock.js';
import { hashText } from '../../../core/mapping/conversions/hash.js';
import { maxUsersPerDeletion, type DeletionClient, type HeapCredentials } from './deletion-client.js';
import { DeletionMemory } from './deletion-memory.js';
import { DeletionRun, type Chunk, type UserDeletionOutcome } from './deletion-run.js';
import { DeletionSession } from './deletion-session.js';
import { SharedRuns } from './shared-runs.js';

export interface UserDeletionOptions {
  readonly client: DeletionClient;
  readonly clock: Clock;
  /** How long after its beginning a call still waits for Heap to finish; then its outcome is `pending`. */
  readonly waitMs?: number;
  /** Pause between two looks at the same request. */
  readonly pollMs?: number;
}

/** A deletion as it is asked for, and asked for again in the same words. */
export interface UserDeletionRequest {
  readonly credentials: HeapCredentials;
  readonly identities: readonly string[];
  /** Tells a deletion from a later one of the same users, who may have come back in between. */
  readonly jobId?: string;
}

export interface UserDeletion {
  /** Deletes the users, or finds out how far an earlier call for them is. */
  remove(request: UserDeletionRequest, signal: AbortSignal): Promise<UserDeletionOutcome>;
}

/**
 * Deletes users at Heap, which takes hours, for a caller who repeats its request until it hears that they are gone.
 *
 * - The identities are de-duplicated and cut into requests of at most 10,000 users, each of which is sent once.
 * - The requests are remembered per app id, API key, job and set of identities, so that a repeated call asks for their
 *   status instead of deleting a second time, and sends only those that did not get through before. Equal calls at the
 *   same time share one run, which stops when the last of their signals is aborted.
 * - A remembered request that Heap does not know is sent anew, once per call.
 * - `complete` is only said when Heap has said it of every request; then all is forgotten.
 * - A failure ends the call: the caller repeats it.
 *
 * The memory is bounded and ends with the process. A deletion that is forgotten is requested a second time, which is
 * harmless: Heap deletes who is left, and that is what was asked for.
 *
 * Keys of the memory are hashes; credentials and identities are held for the length of a call only.
 */
export function createUserDeletion({
  client,
  clock,
  waitMs = 20_000,
  pollMs = 2_000,
}: UserDeletionOptions): UserDeletion {
  const memory = new DeletionMemory();
  const runs = new SharedRuns<UserDeletionOutcome>();

  async function run(
    key: string,
    credentials: HeapCredentials,
    identities: readonly string[],
    signal: AbortSignal,
  ): Promise<UserDeletionOutcome> {
    const known = memory.recall(key, clock.now());
    const chunks = cut(identities).map((users, index): Chunk => ({
      identities: users,
      state: known?.[index] ?? { type: 'open' },
    }));
    const session = new DeletionSession(client, credentials, signal);
    const outcome = await new DeletionRun(session, clock, waitMs, pollMs, signal).advance(chunks);
    const states = chunks.map(({ state }) => state);
    if (outcome.type === 'complete') memory.forget(key);
    else if (states.some(({ type }) => type !== 'open')) memory.keep(key, states, clock.now());
    return outcome;
  }

  return {
    async remove({ credentials, identities, jobId = '' }, signal) {
      // Sorted, so that the same users make the same chunks in whatever order they come.
      const unique = [...new Set(identities)].sort();
      const { appId, apiKey } = credentials;
      const key = hashText('sha256', JSON.stringify([appId, apiKey, jobId, unique]));
      const outcome = await runs.join(key, (shared) => run(key, credentials, unique, shared), signal);
      return outcome === 'left' ? { type: 'unavailable', detail: 'broken off before Heap had finished' } : outcome;
    },
  };
}

function cut(identities: readonly string[]): readonly (readonly string[])[] {
  const chunks: (readonly string[])[] = [];
  for (let start = 0; start < identities.length; start += maxUsersPerDeletion) {
    chunks.push(identities.slice(start, start + maxUsersPerDeletion));
  }
  return chunks;
}
