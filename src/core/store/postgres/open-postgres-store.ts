import { randomUUID } from 'node:crypto';

import type { Clock } from '../../clock.js';
import { StoreBroken } from '../store-broken.js';
import { StoreUnavailable } from '../store-unavailable.js';
import { clientConfig, Database, type DatabaseOptions } from './database.js';
import { Hints, type Hint } from './hints.js';
import { LaneKeeper } from './lane-keeper.js';
import { LaneQueues } from './lane-queues.js';
import { migrate } from './migrate.js';
import type { DeadLetterBounds } from './postgres-dead-letters.js';
import { PostgresStore } from './postgres-store.js';
import { Room } from './room.js';
import { Senders } from './senders.js';
import { settleEvents, type SettleCall } from './settle-events.js';

export interface PostgresStoreOptions {
  /** As libpq has it: `postgresql://user:password@host/database`. The tables are in the first schema of its search_path. */
  readonly url: string;
  /** Connections for events and letters, at most. There are two more for leases, and one that listens. */
  readonly poolSize: number;
  /** How long a lane stays this process's when nothing is heard of it. At least twice `requestMs`. */
  readonly leaseMs: number;
  /** How long a request may take: none is begun that could be under way when the lease ends. */
  readonly requestMs: number;
  /** Waits, and the ages of leases, are measured in it; times that others see are by the database's clock. */
  readonly clock: Clock;
  /** Bytes of events that may wait, in all lanes. The tables take about half as much again, and what waits to be vacuumed. */
  readonly maxBytes: number;
  readonly deadLetters: DeadLetterBounds;
  /** How long an event is known by its id; ids are ignored without. */
  readonly dedupeMs?: number | undefined;
  /** Names this process to people who look at the tables. */
  readonly owner?: string | undefined;
  /** False behind a pooler that hands each transaction another session: then nothing is told at once, only once a second. */
  readonly listen?: boolean | undefined;
  /** How often it is looked what others did; once a second by default. */
  readonly pollMs?: number | undefined;
  /** How long a call to the server may take; ten seconds by default. */
  readonly callMs?: number | undefined;
  /** Uses of a connection; for tests of what must not depend on a session. */
  readonly maxUses?: number | undefined;
  /** Called once, when the tables are not those of this version any more: the process should stop. */
  readonly onBroken: (error: StoreBroken) => void;
  /** Each time the server can't be reached, or does not do what it was asked to; the call that found out rejects as well. */
  readonly onUnavailable?: ((error: StoreUnavailable) => void) | undefined;
  /** Dead letters that this process removed because they were too old or too many. */
  readonly onLettersRemoved: (letters: number) => void;
}

/** Long, because a step that is cut off would be cut off the next time as well. */
const migrationMs = 600_000;

/**
 * Opens the store of a database, and makes its tables or brings them to this version.
 *
 * @throws MigrationFailed when that can't be done, StoreUnavailable when the server can't be reached.
 */
export async function openPostgresStore(options: PostgresStoreOptions): Promise<PostgresStore> {
  const { poolSize, leaseMs, requestMs, clock, maxBytes, listen = true, callMs = 10_000, pollMs = 1_000 } = options;
  if (leaseMs < 2 * requestMs) throw new RangeError('leaseMs has to be twice requestMs at least');
  const owner = `${options.owner ?? 'heap-destination'}/${randomUUID()}`;
  const shared = { url: options.url, hasSessions: listen, maxUses: options.maxUses, onFault: reporter(options) };
  await migrateOnce({ ...shared, connections: 1, callMs: migrationMs });
  const databaseOptions: DatabaseOptions = { ...shared, connections: poolSize, callMs };
  const database = new Database(databaseOptions);
  // A call that hangs must leave time to renew a lease.
  const control = new Database({ ...shared, connections: 2, callMs: Math.min(callMs, leaseMs / 4) });
  const room = new Room(database.query, maxBytes, clock);
  const senders = new Senders(control.query, owner, leaseMs);
  const settles = new LaneQueues<SettleCall, undefined>(async (_name, calls) => {
    room.freed(await settleEvents(database.query, calls));
    store.deadLetters.wrote(calls.flatMap(({ letters }) => letters));
    return [];
  });
  const client = { ...clientConfig(databaseOptions), statement_timeout: 0 };
  const onHint = (hint: Hint): void => {
    keeper.hear(hint);
  };
  const hints = listen ? new Hints({ owner, clock, query: control.query, client, onHint }) : undefined;
  const query = database.query;
  const onSurvey = ({ bytes }: { readonly bytes: number }): void => {
    room.set(bytes);
  };
  const keeper: LaneKeeper = new LaneKeeper({
    ...{ owner, clock, query, settles, leaseMs, requestMs, senders, pollMs, hints, onSurvey },
  });
  const { deadLetters: bounds, dedupeMs, onLettersRemoved } = options;
  const parts = { clock, database, control, room, senders, keeper, hints, settles, dedupeMs, bounds, onLettersRemoved };
  const store: PostgresStore = new PostgresStore(parts);
  return store;
}

async function migrateOnce(options: DatabaseOptions): Promise<void> {
  const database = new Database(options);
  try {
    await migrate(database);
  } finally {
    await database.close();
  }
}

function reporter({ onBroken, onUnavailable }: PostgresStoreOptions): (fault: Error) => void {
  let isBroken = false;
  return (fault) => {
    if (fault instanceof StoreUnavailable) onUnavailable?.(fault);
    if (!(fault instanceof StoreBroken) || isBroken) return;
    isBroken = true;
    queueMicrotask(onBroken.bind(undefined, fault));
  };
}
