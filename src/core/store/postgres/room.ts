import type { Clock } from '../../clock.js';
import { StoreFull } from '../store-full.js';
import type { Query } from './database.js';

const statement = `
select coalesce(sum(lane.bytes_in - coalesce(sender.bytes_out, 0)), 0)::bigint as bytes
from heap_destination_lanes as lane left join heap_destination_senders as sender using (lane)`;

/** A sum that is older is looked up again. */
const freshMs = 1_000;
/** Before it refuses, it looks whether a sum that is older than this still holds. */
const refusalMs = 100;

/**
 * Bytes of open events in all lanes, as they were about a second ago, with what this process did since. Several processes
 * together may exceed the bound by what they take in in that second.
 */
export class Room {
  readonly #query: Query;
  readonly #maxBytes: number;
  readonly #clock: Clock;
  #taken = 0;
  #arriving = 0;
  /** By the monotonic clock. */
  #lookedAt = Number.NEGATIVE_INFINITY;
  #looking: Promise<void> | undefined;

  constructor(query: Query, maxBytes: number, clock: Clock) {
    this.#query = query;
    this.#maxBytes = maxBytes;
    this.#clock = clock;
  }

  /**
   * Runs `store` if there is room for `bytes`.
   *
   * @throws StoreFull
   */
  async store<T>(bytes: number, store: () => Promise<T>): Promise<T> {
    if (bytes > 0) await this.#check(bytes);
    this.#arriving += bytes;
    try {
      const result = await store();
      this.#taken += bytes;
      return result;
    } finally {
      this.#arriving -= bytes;
    }
  }

  freed(bytes: number): void {
    this.#taken = Math.max(0, this.#taken - bytes);
  }

  /** Takes over a sum that was looked up. */
  set(bytes: number): void {
    this.#taken = bytes;
    this.#lookedAt = this.#clock.monotonic();
  }

  async #check(bytes: number): Promise<void> {
    const age = this.#clock.monotonic() - this.#lookedAt;
    if (age === Number.POSITIVE_INFINITY || (this.#isTooMuch(bytes) && age > refusalMs)) await this.#look();
    else if (age > freshMs) void this.#look().catch(() => undefined);
    if (!this.#isTooMuch(bytes)) return;
    throw new StoreFull(`${this.#taken + this.#arriving} of ${this.#maxBytes} bytes are taken, and ${bytes} came`);
  }

  #isTooMuch(bytes: number): boolean {
    return this.#taken + this.#arriving + bytes > this.#maxBytes;
  }

  #look(): Promise<void> {
    this.#looking ??= this.#query<{ bytes: number }>(statement)
      .then(([row]) => {
        this.set(row?.bytes ?? 0);
      })
      .finally(() => {
        this.#looking = undefined;
      });
    return this.#looking;
  }
}
