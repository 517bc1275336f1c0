import {
  accountLine,
  countEach,
  mergeLine,
  trackLine,
  userLine,
  type HeapFacts,
  type KeptProperties,
} from './heap-facts.js';

/** An event as `/_simulator/events` shows it. */
interface SimulatorEvent {
  readonly event: string;
  readonly resolvedIdentity: string | null;
  readonly sentAs: { readonly identity?: string; readonly userId?: string };
  readonly timestamp: string;
  readonly idempotencyKey: string | null;
  readonly properties: KeptProperties;
}

interface SimulatorUser {
  readonly identity: string;
  readonly properties: KeptProperties;
  readonly userIds: readonly string[];
}

interface SimulatorAccount {
  readonly accountId: string;
  readonly properties: KeptProperties;
}

/** The counters of `/_simulator/stats` that the demo looks at. */
export interface SimulatorStats {
  /** Requests by path and status. */
  readonly requests: Readonly<Record<string, Readonly<Record<string, number>>>>;
  readonly items: { readonly track: number; readonly userProperties: number; readonly accountProperties: number };
  /** Events that were known by their idempotency key, and not stored again. */
  readonly duplicates: number;
  readonly reservedKeysIgnored: number;
  readonly identifyDropped: { readonly otherIdentity: number; readonly tooManyUserIds: number };
}

const pageSize = 1000;

/** Reads back everything that the simulated Heap holds for an app_id. */
export async function readHeapFacts(simulatorUrl: string, appId: string, runStartedAt: number): Promise<HeapFacts> {
  const query = (list: string): string => `${simulatorUrl}/_simulator/${list}?app_id=${appId}`;
  const events = (await readList(query('events'), 'events')) as readonly SimulatorEvent[];
  const users = (await readList(query('users'), 'users')) as readonly SimulatorUser[];
  const accounts = (await readList(query('accounts'), 'accounts')) as readonly SimulatorAccount[];
  const { anonymousTotal } = (await getJson(`${query('users')}&limit=0`)) as { readonly anonymousTotal: number };
  return {
    idempotencyKeys: events.map(({ idempotencyKey }) => idempotencyKey ?? ''),
    tracks: events.map((event) => shownTrack(event, runStartedAt)),
    tracksByName: countEach(events.map(({ event }) => event)),
    users: users
      .filter(({ properties }) => Object.keys(properties).length > 0)
      .map(({ identity, properties }) => userLine(identity, properties)),
    accounts: accounts.map(({ accountId, properties }) => accountLine(accountId, properties)),
    merges: users.flatMap(({ identity, userIds }) => userIds.map((userId) => mergeLine(userId, identity))),
    identities: users.length,
    anonymousUsers: anonymousTotal,
  };
}

export async function readStats(simulatorUrl: string): Promise<SimulatorStats> {
  return (await getJson(`${simulatorUrl}/_simulator/stats`)) as SimulatorStats;
}

function shownTrack(shown: SimulatorEvent, runStartedAt: number): string {
  const { event, resolvedIdentity, sentAs, timestamp, idempotencyKey, properties } = shown;
  // A device that sent an event seconds after it happened: seconds before it arrived, that is. A minute is allowed.
  const isOfNow = Date.parse(timestamp) > runStartedAt - 60_000;
  return trackLine({
    idempotencyKey: idempotencyKey ?? '',
    name: event,
    owner: resolvedIdentity === null ? { userId: sentAs.userId ?? '' } : { identity: resolvedIdentity },
    time: isOfNow ? 'arrival' : timestamp,
    properties,
  });
}

async function readList(url: string, field: string): Promise<readonly unknown[]> {
  const all: unknown[] = [];
  for (;;) {
    const page = (await getJson(`${url}&offset=${all.length}&limit=${pageSize}`)) as Record<string, unknown>;
    const items = page[field] as readonly unknown[];
    all.push(...items);
    if (items.length < pageSize) return all;
  }
}

async function getJson(url: string): Promise<unknown> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`GET ${url}: ${response.status} ${await response.text()}`);
  return response.json();
}
