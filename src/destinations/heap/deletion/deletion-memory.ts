/** How far the deletion of one chunk of users is. */
export type ChunkState =
  | { readonly type: 'open' }
  | { readonly type: 'requested'; readonly requestId: string }
  | { readonly type: 'complete' };

/** Nobody asks again after a day; Heap takes hours. */
const keepMs = 24 * 3_600_000;
const maxKept = 1_000;

interface Entry {
  readonly chunks: readonly ChunkState[];
  readonly expiresAt: number;
}

/**
 * Deletions that were requested and are not known to be complete, for a day after they were last asked for and at most
 * 1,000 of them; the one that was not asked for longest goes first. What is forgotten is requested again, which does no
 * harm: the users are gone, or going, already.
 */
export class DeletionMemory {
  /** The one last asked for stands last. */
  readonly #entries = new Map<string, Entry>();

  /** How many are remembered. */
  get size(): number {
    return this.#entries.size;
  }

  recall(key: string, now: number): readonly ChunkState[] | undefined {
    this.#forgetExpired(now);
    return this.#entries.get(key)?.chunks;
  }

  keep(key: string, chunks: readonly ChunkState[], now: number): void {
    this.#forgetExpired(now);
    this.#entries.delete(key);
    if (this.#entries.size >= maxKept) {
      for (const oldest of this.#entries.keys()) {
        this.#entries.delete(oldest);
        break;
      }
    }
    this.#entries.set(key, { chunks, expiresAt: now + keepMs });
  }

  forget(key: string): void {
    this.#entries.delete(key);
  }

  #forgetExpired(now: number): void {
    for (const [key, { expiresAt }] of this.#entries) {
      if (expiresAt > now) return;
      this.#entries.delete(key);
    }
  }
}
