import pg from 'pg';

import { toStoreFault } from './store-fault.js';

export type Row = Readonly<Record<string, unknown>>;

/** Runs one statement. Rejects with `StoreUnavailable`, `StoreFull` or `StoreBroken`. */
export type Query = <R extends object = Row>(text: string, values?: readonly unknown[]) => Promise<readonly R[]>;

export interface DatabaseOptions {
  readonly url: string;
  /** Connections that are open at a time, at most. */
  readonly connections: number;
  /** How long a call may take, and how long it may wait for a connection, of which the latter is ten seconds at most. */
  readonly callMs: number;
  /** False behind a pooler that hands each transaction another session: no settings are made for a session. */
  readonly hasSessions: boolean;
  /** Calls after which a connection is not used again; for tests. */
  readonly maxUses?: number | undefined;
  readonly onFault: (fault: Error) => void;
}

const maxConnectMs = 10_000;
const int8 = 20;
const parserOf = pg.types.getTypeParser as (oid: number, format?: 'text') => unknown;

/** Statements that are prepared on a connection, at most; what is asked often is among the first. */
const maxNames = 32;

/**
 * A pool of connections on which statements and transactions are run. No locks outlive a transaction; where a connection
 * is one session, it keeps statements that were prepared, because planning one takes five times as long as running it.
 */
export class Database {
  readonly #pool: pg.Pool;
  readonly #options: DatabaseOptions;
  readonly #names = new Map<string, string>();

  constructor(options: DatabaseOptions) {
    this.#options = options;
    const { connections, maxUses } = options;
    this.#pool = new pg.Pool({
      ...clientConfig(options),
      max: connections,
      idleTimeoutMillis: 30_000,
      ...(maxUses === undefined ? {} : { maxUses }),
    });
    // Whose connection is cut hears it from the call it made, or from the next one.
    this.#pool.on('error', () => undefined);
    this.#pool.on('connect', (client) => {
      client.on('error', () => undefined);
    });
  }

  readonly query: Query = async <R extends object>(text: string, values: readonly unknown[] = []) => {
    try {
      // pg-pool closes a connection on which a call failed, so that none is used that still waits for an old answer.
      const { rows } = await this.#pool.query<R & pg.QueryResultRow>({
        ...{ text, values: [...values] },
        ...(this.#options.hasSessions && values.length > 0 && this.#named(text)),
      });
      return rows;
    } catch (error) {
      throw this.#faultOf(error);
    }
  };

  /** Commits what `run` did, or nothing of it when `run` rejects. Not to be used where one statement does. */
  async transaction<T>(run: (query: Query) => Promise<T>): Promise<T> {
    const client = await this.#pool.connect().catch((error: unknown) => {
      throw this.#faultOf(error);
    });
    const query: Query = async <R extends object>(text: string, values: readonly unknown[] = []) => {
      try {
        const { rows } = await client.query<R & pg.QueryResultRow>(text, [...values]);
        return rows;
      } catch (error) {
        throw this.#faultOf(error);
      }
    };
    let isUsable = false;
    try {
      const limit = Math.ceil(this.#options.callMs);
      // Of this transaction only: it lets go of its locks when this process is not heard of any more.
      await query(
        `begin isolation level read committed; set local statement_timeout = ${limit};
         set local idle_in_transaction_session_timeout = ${limit}`,
      );
      const result = await run(query);
      await query('commit');
      isUsable = true;
      return result;
    } finally {
      // Closing the connection rolls back, and needs no answer.
      client.release(!isUsable);
    }
  }

  /** Waits for the calls that are under way. */
  close(): Promise<void> {
    return this.#pool.end();
  }

  #named(text: string): { readonly name?: string } {
    let name = this.#names.get(text);
    if (name === undefined) {
      if (this.#names.size === maxNames) return {};
      name = `heap_destination_${this.#names.size}`;
      this.#names.set(text, name);
    }
    return { name };
  }

  #faultOf(error: unknown): Error {
    const fault = toStoreFault(error);
    this.#options.onFault(fault);
    return fault;
  }
}

/** Settings of one connection to the server. */
export function clientConfig({ url, callMs, hasSessions }: DatabaseOptions): pg.ClientConfig {
  const limit = Math.ceil(callMs);
  return {
    connectionString: url,
    application_name: 'heap-destination',
    connectionTimeoutMillis: Math.min(limit, maxConnectMs),
    // The server's limit ends a statement that waits for a lock; ours ends waiting for a server that is not heard of.
    ...(hasSessions ? { statement_timeout: limit } : {}),
    query_timeout: limit + 500,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    types: {
      getTypeParser: ((oid: number, format?: 'text') => {
        return oid === int8 ? Number : parserOf(oid, format);
      }) as typeof pg.types.getTypeParser,
    },
  };
}
