import { setTimeout as delay } from 'node:timers/promises';

import { expect } from '@jest/globals';

import type { DeadLetter } from '../../src/core/store/dead-letter.js';
import { seededRandom } from '../../src/destinations/heap/simulator/seeded-random.js';
import { ask } from '../support/http-client.js';
import { quickDelivery } from '../support/sockets/quick-delivery.js';
import { appId, startServiceProcess, type ServiceProcess } from '../support/sockets/service-process.js';
import { startSimulatorProcess, type SimulatorProcess } from '../support/sockets/simulator-process.js';
import { until } from '../support/sockets/until.js';
import { CrashSender } from './crash-sender.js';

/** So that all of them stay below what Heap takes of one app and of one user in a minute: the rest would only wait. */
const pauseMs = 450;

const usual = {
  batching: { maxItems: 50, lingerMs: 5 },
  // What a killed process may have used of the limits is waited for; that is not what is looked at here.
  delivery: {
    ...quickDelivery,
    requestTimeoutMs: 1_000,
    poison: { share: 1, atLeast: 100_000, window: 100_000 },
    rateLimits: {
      eventsPerAppPerMinute: null,
      eventsPerIdentityPerMinute: null,
      requestsPerIdentityPer30Seconds: null,
    },
  },
};

export interface CrashReport {
  readonly kills: number;
  readonly confirmed: number;
  readonly deadLetters: number;
}

export interface CrashOptions {
  readonly kills: number;
  readonly seed: number;
  /** Where the service keeps its events. */
  readonly environment: Readonly<Record<string, string>>;
  /** From a process's being up to its end, at most. */
  readonly maxLifeMs: number;
  readonly store?: object;
}

/**
 * Senders send, Heap fails now and then, and the service is killed again and again, at random moments. Afterwards every
 * confirmed event is at Heap, once, or a dead letter, and every user's property is the last that was confirmed.
 */
export async function crashService(options: CrashOptions): Promise<CrashReport> {
  const { kills, environment, seed, maxLifeMs } = options;
  const settings = { ...usual, ...(options.store && { store: options.store }) };
  const random = seededRandom(seed);
  const heap = await startSimulatorProcess();
  let service: ServiceProcess | undefined;
  const senders = Array.from({ length: 16 }, (_, index) => new CrashSender(`user${index}`, random, { pauseMs }));
  try {
    await heap.setFaults([
      { match: { itemEvent: 'Wrong' }, action: { status: 400, body: 'wrong' } },
      { match: { probability: 0.1 }, action: { status: 503 } },
      { match: { probability: 0.05 }, action: { status: 503, stored: true } },
      { match: { probability: 0.05 }, action: { reset: true, stored: true } },
    ]);
    const running = senders.map((sender) => sender.run(() => service?.dataUrl));
    for (let kill = 0; kill < kills; kill += 1) {
      service = await startServiceProcess(heap.url, environment, settings);
      await delay(random() * maxLifeMs);
      const killed = service;
      service = undefined;
      killed.kill('SIGKILL');
      await killed.ended;
    }
    await heap.setFaults([{ match: { itemEvent: 'Wrong' }, action: { status: 400, body: 'wrong' } }]);
    service = await startServiceProcess(heap.url, environment, settings);
    for (const sender of senders) sender.stop();
    await Promise.all(running);
    const last = service;
    await until(() => isEmpty(last));
    return await compare(kills, senders, heap, last);
  } finally {
    for (const sender of senders) sender.stop();
    service?.kill('SIGKILL');
    await service?.ended;
    await heap.stop();
  }
}

async function isEmpty({ operatorUrl }: ServiceProcess): Promise<boolean> {
  const { backlog, stored } = JSON.parse((await ask(`${operatorUrl}/health`)).text) as {
    readonly backlog: number;
    readonly stored: { readonly events: number };
  };
  return backlog === 0 && stored.events === 0;
}

async function compare(
  kills: number,
  senders: readonly CrashSender[],
  heap: SimulatorProcess,
  service: ServiceProcess,
): Promise<CrashReport> {
  const events = await heap.eventsOf(appId);
  const names = events.map(({ event }) => event);
  const confirmed = senders.flatMap((sender) => sender.confirmed);
  const held = new Set(names);
  expect(confirmed.filter((id) => !held.has(id))).toEqual([]);
  // Each once: Heap knows what it has by its idempotency key.
  expect(names.filter((name, index) => names.indexOf(name) !== index)).toEqual([]);
  const letters = await deadLettersOf(service);
  const wrong = senders.flatMap((sender) => sender.wrong);
  // What a sender repeats, because it had no answer, may be stored twice; Heap tells repeats, letters don't.
  expect([...new Set(letters)].sort()).toEqual([...wrong].sort());
  const plans = new Map((await heap.usersOf(appId)).map(({ identity, properties }) => [identity, properties.plan]));
  for (const { user, plan } of senders) expect([user, plans.get(user)]).toEqual([user, plan]);
  // In the order in which each user's were sent.
  for (const { user } of senders) {
    const numbers = names
      .filter((name) => name.startsWith(`${user}-`))
      .map((name) => Number(name.slice(user.length + 1)));
    expect(numbers).toEqual([...numbers].sort((one, other) => one - other));
  }
  return { kills, confirmed: confirmed.length, deadLetters: letters.length };
}

async function deadLettersOf({ operatorUrl }: ServiceProcess): Promise<readonly string[]> {
  const { text } = await ask(`${operatorUrl}/dead-letters/export`);
  const lines = text.split('\n').filter((line) => line !== '');
  return lines.map((line) => (JSON.parse(line) as DeadLetter).messageId);
}
