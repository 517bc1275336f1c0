import pg from 'pg';

import type { Clock } from '../../clock.js';
import type { Query } from './database.js';
import { toColumn, fromColumn } from './text-columns.js';

/** What one process tells the others; nobody relies on it. */
export interface Hint {
  /** Lanes that were appended to, and have a sender. */
  readonly appended: readonly string[];
  /** Lanes that have no sender. */
  readonly free: readonly string[];
}

interface Message extends Hint {
  readonly from: string;
}

export interface HintParts {
  readonly owner: string;
  readonly clock: Clock;
  readonly query: Query;
  readonly client: pg.ClientConfig;
  readonly onHint: (hint: Hint) => void;
}

/** Of the database, whatever the schema: what is meant for another installation names lanes that nobody here holds. */
const channel = 'heap_destination';
/** Of PostgreSQL, less what is around it. */
const maxPayload = 7_900;
const gatherMs = 20;
const firstDelayMs = 1_000;
const maxDelayMs = 30_000;

/**
 * Tells other processes at once what they would find out when they look the next time, over LISTEN and NOTIFY. It is told
 * outside of the transaction it is about: commits that notify wait for each other, in the whole database.
 */
export class Hints {
  readonly #parts: HintParts;
  readonly #appended = new Set<string>();
  readonly #free = new Set<string>();
  #client: pg.Client | undefined;
  #cancel: () => void = () => undefined;
  #isGathering = false;
  #isStopped = false;

  constructor(parts: HintParts) {
    this.#parts = parts;
  }

  start(delayMs = firstDelayMs): void {
    if (this.#isStopped) return;
    const client = new pg.Client(this.#parts.client);
    this.#client = client;
    let isOver = false;
    let isListening = false;
    const again = (): void => {
      if (isOver) return;
      isOver = true;
      client.end().catch(() => undefined);
      if (this.#isStopped) return;
      const ms = isListening ? firstDelayMs : delayMs;
      this.#cancel = this.#parts.clock.schedule(ms, () => {
        this.start(Math.min(2 * ms, maxDelayMs));
      });
    };
    client.on('error', again).on('end', again);
    client.on('notification', ({ payload }) => {
      this.#hear(payload ?? '');
    });
    client.connect().then(
      () =>
        client.query(`listen ${channel}`).then(() => {
          isListening = true;
        }, again),
      again,
    );
  }

  appended(lane: string): void {
    this.#tell(this.#appended, lane);
  }

  free(lane: string): void {
    this.#tell(this.#free, lane);
  }

  async stop(): Promise<void> {
    this.#isStopped = true;
    this.#cancel();
    await this.#client?.end().catch(() => undefined);
  }

  #tell(lanes: Set<string>, lane: string): void {
    if (this.#isStopped) return;
    lanes.add(toColumn(lane));
    if (this.#isGathering) return;
    this.#isGathering = true;
    this.#parts.clock.schedule(gatherMs, () => {
      this.#isGathering = false;
      this.#send();
    });
  }

  #send(): void {
    if (this.#isStopped) return;
    const { owner: from, query } = this.#parts;
    let left = maxPayload - Buffer.byteLength(JSON.stringify({ from, appended: [], free: [] }));
    const fitting = (lanes: Set<string>): readonly string[] => {
      const all = [...lanes];
      lanes.clear();
      return all.filter((lane) => (left -= Buffer.byteLength(JSON.stringify(lane)) + 1) >= 0);
    };
    const message: Message = { from, free: fitting(this.#free), appended: fitting(this.#appended) };
    query('select pg_notify($1, $2)', [channel, JSON.stringify(message)]).catch(() => undefined);
  }

  #hear(payload: string): void {
    let message: Message;
    try {
      message = JSON.parse(payload) as Message;
    } catch {
      return;
    }
    if (message.from === this.#parts.owner) return;
    this.#parts.onHint({ appended: message.appended.map(fromColumn), free: message.free.map(fromColumn) });
  }
}
