import type { Database, Query } from './database.js';
import { migrations } from './migrations.js';

/** The tables could not be brought to this version; they are as they were. */
export class MigrationFailed extends Error {
  override readonly name = 'MigrationFailed';
}

/** Of a transaction, so that a pooler that hands each transaction another session does not lose it. */
const lock = `select pg_advisory_xact_lock(hashtext('heap_destination_migrations'), hashtext(current_schema()))`;

/**
 * Brings the tables to this version: once, whoever else starts, in one transaction.
 *
 * @throws MigrationFailed when they are of a newer version, or a step fails.
 */
export async function migrate(database: Database, steps: readonly string[] = migrations): Promise<void> {
  await refuseOtherEncodings(database.query);
  // Without a lock, and without the right to make tables, where there is nothing to do.
  if ((await findVersion(database.query, steps.length)) === steps.length) return;
  try {
    await database.transaction(async (query) => {
      await query(lock);
      await query(
        `create table if not exists heap_destination_migrations (
           version int primary key, applied_at timestamptz not null default now())`,
      );
      const version = await findVersion(query, steps.length);
      for (const [index, step] of steps.entries()) {
        if (index < version) continue;
        await query(step);
        await query('insert into heap_destination_migrations (version) values ($1)', [index + 1]);
      }
    });
  } catch (error) {
    if (error instanceof MigrationFailed) throw error;
    const reason = error instanceof Error ? error.message : String(error);
    throw new MigrationFailed(
      `the tables could not be brought to version ${steps.length}, and are as they were: ${reason}. ` +
        `Remove the cause (the role needs the right to create tables in the first schema of its search_path) and start again`,
      { cause: error },
    );
  }
}

async function findVersion(query: Query, known: number): Promise<number> {
  const [table] = await query<{ found: boolean }>(
    `select to_regclass('heap_destination_migrations') is not null as found`,
  );
  if (table?.found !== true) return 0;
  const [row] = await query<{ version: number }>(
    'select coalesce(max(version), 0) as version from heap_destination_migrations',
  );
  const version = row?.version ?? 0;
  if (version > known) {
    throw new MigrationFailed(
      `the tables are of version ${version}, and this program knows them up to ${known}: start a newer one`,
    );
  }
  return version;
}

async function refuseOtherEncodings(query: Query): Promise<void> {
  const [row] = await query<{ encoding: string }>(`select current_setting('server_encoding') as encoding`);
  if (row?.encoding !== 'UTF8') {
    throw new MigrationFailed(`the database's encoding is ${row?.encoding ?? 'not known'}, and has to be UTF8`);
  }
}
