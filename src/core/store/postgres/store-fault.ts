import { DatabaseError } from 'pg';

import { StoreBroken } from '../store-broken.js';
import { StoreFull } from '../store-full.js';
import { StoreUnavailable } from '../store-unavailable.js';

/** https://www.postgresql.org/docs/current/errcodes-appendix.html: disk_full, undefined_table, undefined_column. */
const diskFull = '53100';
const schemaGone: readonly (string | undefined)[] = ['42P01', '42703'];

/**
 * What a failed call to the server means to who uses the store. All that is not known to be something else is
 * `StoreUnavailable`: its sender keeps the events and comes again, so a fault that lasts costs time and loses nothing.
 */
export function toStoreFault(error: unknown): StoreBroken | StoreFull | StoreUnavailable {
  const message = error instanceof Error ? error.message : String(error);
  const code = error instanceof DatabaseError ? error.code : undefined;
  if (error instanceof DatabaseError) {
    // They quote rows, and what is in them belongs in no log.
    error.detail = undefined;
    error.where = undefined;
  }
  if (code === diskFull) return new StoreFull(`PostgreSQL has no room: ${message}`, { cause: error });
  if (schemaGone.includes(code)) {
    return new StoreBroken(`the tables are not those that this version made: ${message}`, { cause: error });
  }
  return new StoreUnavailable(`PostgreSQL: ${message}`, { cause: error });
}
