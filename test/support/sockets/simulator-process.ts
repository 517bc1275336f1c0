import { expect } from '@jest/globals';

import type { JsonObject } from '../../../src/core/json/json.js';
import type { FaultRule } from '../../../src/destinations/heap/simulator/fault-rule.js';
import type { StatisticsSnapshot } from '../../../src/destinations/heap/simulator/statistics.js';
import { ask } from '../http-client.js';
import { startCli } from '../run-cli.js';

/** An event as `/_simulator/events` shows it, as far as it is looked at. */
export interface HeapEvent {
  readonly event: string;
  readonly sentAs: { readonly identity?: string };
  readonly idempotencyKey: string | null;
}

/** A user as `/_simulator/users` shows it. */
export interface HeapUser {
  readonly identity: string;
  readonly properties: JsonObject;
  readonly userIds: readonly string[];
}

/** A simulator of Heap as a process of its own; it is asked and told over its control endpoints only. */
export interface SimulatorProcess {
  readonly url: string;
  /** Forgets everything: state, limits and statistics, and has these faults from now on. */
  reset(faults?: readonly FaultRule[]): Promise<void>;
  setFaults(faults: readonly FaultRule[]): Promise<void>;
  statistics(): Promise<StatisticsSnapshot>;
  /** Everything that it has of an app_id, in the order of arrival. */
  eventsOf(appId: string): Promise<readonly HeapEvent[]>;
  usersOf(appId: string): Promise<readonly HeapUser[]>;
  stop(): Promise<void>;
}

export async function startSimulatorProcess(): Promise<SimulatorProcess> {
  const running = startCli(['simulator', '--port', '0']);
  const { url } = await running.logged('a simulator of Heap; see /_simulator/');
  const control = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await ask(`${String(url)}/_simulator/${path}`, {
      method,
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });
    expect(answer.status).toBe(200);
    return JSON.parse(answer.text);
  };
  const setFaults = async (faults: readonly FaultRule[]): Promise<void> => {
    await control('POST', 'faults', faults);
  };
  return {
    url: String(url),
    reset: async (faults = []) => {
      await control('POST', 'reset');
      await setFaults(faults);
    },
    setFaults,
    statistics: async () => (await control('GET', 'stats')) as StatisticsSnapshot,
    eventsOf: async (appId) => {
      const events: HeapEvent[] = [];
      for (;;) {
        const page = (await control('GET', `events?app_id=${appId}&offset=${events.length}&limit=10000`)) as Page & {
          readonly events: readonly HeapEvent[];
        };
        events.push(...page.events);
        if (page.events.length === 0 || events.length >= page.total) {
          expect(events).toHaveLength(page.total);
          return events;
        }
      }
    },
    usersOf: async (appId) => {
      const page = (await control('GET', `users?app_id=${appId}&limit=10000`)) as Page & {
        readonly users: readonly HeapUser[];
      };
      expect(page.total).toBe(page.users.length);
      return page.users;
    },
    stop: async () => {
      running.kill('SIGKILL');
      await running.ended;
    },
  };
}

interface Page {
  readonly total: number;
}
