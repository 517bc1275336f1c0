import { setTimeout as delay } from 'node:timers/promises';

import { startServiceProcess, type ServiceProcess } from '../support/sockets/service-process.js';
import type { TestPostgres } from '../support/postgres/start-postgres.js';
import { startTcpProxy, type TcpProxy } from '../support/postgres/tcp-proxy.js';
import type { SenderWitness } from './sender-witness.js';

export const leaseMs = 4_000;

const unlimited = {
  rateLimits: { eventsPerAppPerMinute: null, eventsPerIdentityPerMinute: null, requestsPerIdentityPer30Seconds: null },
};

/** One place in the set: the process in it may be killed and started anew. */
interface Place {
  readonly name: string;
  readonly heapUrl: string;
  readonly network: TcpProxy;
  readonly skewMs: number;
  process: ServiceProcess | undefined;
}

/** Service processes on one database, each with a network and a clock of its own. */
export class ReplicaSet {
  readonly #places: Place[] = [];

  constructor(
    private readonly server: TestPostgres,
    private readonly databaseUrl: string,
    private readonly witness: SenderWitness,
    private readonly connections: readonly object[],
    private readonly delivery: object = unlimited,
  ) {}

  async add(name: string, skewMs = 0): Promise<void> {
    const heapUrl = await this.witness.inFrontFor(name);
    const network = await startTcpProxy(this.server.port);
    const place: Place = { name, heapUrl, network, skewMs, process: undefined };
    this.#places.push(place);
    await this.#start(place);
  }

  /** Data ports of the processes that take events. */
  get urls(): readonly string[] {
    return this.#places.flatMap(({ process }) => (process === undefined ? [] : [process.dataUrl]));
  }

  get operatorUrls(): readonly string[] {
    return this.#places.flatMap(({ process }) => (process === undefined ? [] : [process.operatorUrl]));
  }

  /** @returns the id of the process. */
  async kill(at: number): Promise<number> {
    const pid = this.#at(at).process?.pid ?? 0;
    await this.#end(at, 'SIGKILL');
    return pid;
  }

  async restart(at: number): Promise<void> {
    await this.#end(at, 'SIGTERM');
    await this.#start(this.#at(at));
  }

  async revive(at: number): Promise<void> {
    await this.#start(this.#at(at));
  }

  /** Stops the process as a machine does that is suspended, for `ms`. */
  async suspend(at: number, ms: number): Promise<void> {
    const { process } = this.#at(at);
    process?.kill('SIGSTOP');
    await delay(ms);
    process?.kill('SIGCONT');
  }

  /** Cuts the network to the database, for `ms`; to everybody else it is as before. */
  async cut(at: number, ms: number): Promise<void> {
    const { network } = this.#at(at);
    network.cut();
    await delay(ms);
    network.mend();
  }

  async end(): Promise<void> {
    for (const [at] of this.#places.entries()) await this.#end(at, 'SIGKILL');
    for (const { network } of this.#places) {
      network.reset();
      await network.close();
    }
  }

  async #end(at: number, signal: NodeJS.Signals): Promise<void> {
    const place = this.#at(at);
    const { process } = place;
    place.process = undefined;
    process?.kill(signal);
    await process?.ended;
  }

  async #start(place: Place): Promise<void> {
    const environment = {
      DATABASE_URL: this.databaseUrl.replace(`:${this.server.port}/`, `:${place.network.port}/`),
      ...(place.skewMs !== 0 && {
        CLOCK_SKEW_MS: String(place.skewMs),
        NODE_OPTIONS: '--require ./test/replicas/clock-skew.cjs',
      }),
    };
    place.process = await startServiceProcess(place.heapUrl, environment, {
      connections: this.connections,
      batching: { maxItems: 50, lingerMs: 5 },
      delivery: {
        requestTimeoutMs: 1_000,
        baseBackOffMs: 5,
        maxBackOffMs: 200,
        retryBudget: { perSecond: 10_000, burst: 1_000 },
        breaker: { baseMs: 5, maxMs: 200 },
        hostBreaker: { baseMs: 5, maxMs: 200 },
        poison: { share: 1, atLeast: 100_000, window: 100_000 },
        ...this.delivery,
      },
      store: { postgres: { leaseMs } },
    });
  }

  #at(at: number): Place {
    const place = this.#places[at];
    if (place === undefined) throw new RangeError(`there is no replica ${at}`);
    return place;
  }
}
