import { createHttpSender, type HttpSender } from '../../../../src/core/delivery/http-sender.js';
import { createUserDeletion, type UserDeletion } from '../../../../src/destinations/heap/deletion/delete-users.js';
import {
  createDeletionClient,
  type DeletionClient,
} from '../../../../src/destinations/heap/deletion/deletion-client.js';
import type { FaultRule } from '../../../../src/destinations/heap/simulator/fault-rule.js';
import { startSimulator, type Simulator } from '../../../../src/destinations/heap/simulator/start-simulator.js';
import type { PartialSimulatorOptions } from '../../../../src/destinations/heap/simulator/simulator-options.js';
import { settled, VirtualClock } from '../../../support/virtual-clock.js';

export const appId = '9000000101';
export const apiKey = 'test-api-key';
export const credentials = { appId, apiKey };
export const unaborted = new AbortController().signal;

export const tokenPath = '/api/public/v0/auth_token';
export const requestPath = '/api/public/v0/user_deletion';
export const statusPath = '/api/public/v0/deletion_status/*';

/** Heap behind a real socket, in virtual time, and a client of its deletion API. */
export interface DeletionRig {
  readonly clock: VirtualClock;
  readonly simulator: Simulator;
  readonly http: HttpSender;
  readonly client: DeletionClient;
  /** With an empty memory, as after a start of the process. */
  readonly newDeletion: () => UserDeletion;
  /** Replaces the simulator's faults. */
  readonly faults: (...rules: readonly FaultRule[]) => void;
  /** Lets Heap hear of these users. */
  readonly track: (...identities: readonly string[]) => void;
  /** The identities of the users that Heap has. */
  readonly users: () => readonly string[];
  /** Calls that Heap answered, by endpoint; a call that a fault left without an answer counts too. */
  readonly calls: () => { readonly token: number; readonly request: number; readonly status: number };
  readonly close: () => Promise<void>;
}

export async function startRig(options: PartialSimulatorOptions = {}, requestTimeoutMs = 20_000): Promise<DeletionRig> {
  const clock = new VirtualClock();
  const simulator = await startSimulator({ ...options, now: () => clock.now() });
  const http = createHttpSender({
    userAgent: 'test/1',
    requestTimeoutMs,
    connectTimeoutMs: requestTimeoutMs,
    maxSockets: 8,
    maxReplyText: 16_000,
  });
  const client = createDeletionClient({ http, baseUrl: simulator.url, now: () => clock.now() });
  return {
    clock,
    simulator,
    http,
    client,
    newDeletion: () => createUserDeletion({ client, clock }),
    faults: (...rules) => {
      simulator.heap.faults.replace(rules);
    },
    track: (...identities) => {
      for (const identity of identities) {
        const body = JSON.stringify({ app_id: appId, identity, event: 'Signed Up' });
        simulator.heap.handle({ method: 'POST', path: '/api/track', body }, clock.now());
      }
    },
    users: () => [...(simulator.heap.findApp(appId)?.users.keys() ?? [])],
    calls: () => {
      const { requests } = simulator.heap.statistics();
      const count = (route: string): number =>
        Object.values(requests[route] ?? {}).reduce((sum, answered) => sum + answered, 0);
      return {
        token: count(tokenPath),
        request: count(requestPath),
        status: count('/api/public/v0/deletion_status/{id}'),
      };
    },
    close: async () => {
      http.close();
      await simulator.close();
    },
  };
}

/** Lets time pass, a second at once, whenever somebody sleeps, until the promise has settled. */
export async function inVirtualTime<T>(clock: VirtualClock, promise: Promise<T>): Promise<T> {
  const state = { isSettled: false };
  const settling = promise.finally(() => {
    state.isSettled = true;
  });
  // Whoever awaits the result hears of a rejection.
  settling.catch(() => undefined);
  while (!state.isSettled) {
    if (clock.sleeping > 0) await clock.advance(1_000);
    else await settled();
  }
  return settling;
}

/** Resolves once `isTrue`, letting real sockets work in between and virtual time stand still. */
export async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await settled();
}

/** `user-0`, `user-1`, … */
export function manyUsers(count: number): readonly string[] {
  return Array.from({ length: count }, (_, index) => `user-${index}`);
}
