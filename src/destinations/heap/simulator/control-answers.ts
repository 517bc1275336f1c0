import type { AppState } from './app-state.js';
import type { DeletionApi } from './deletion-api.js';
import type { Faults } from './faults.js';
import type { Ingestion } from './ingestion.js';
import { jsonReply, textReply, type SimulatedReply } from './simulated-reply.js';
import type { SimulatedRequest } from './simulated-request.js';
import type { Statistics } from './statistics.js';
import type { StoredEvent } from './stored.js';

/** What the questions are answered from. */
export interface Simulation {
  readonly ingestion: Ingestion;
  readonly deletion: DeletionApi;
  readonly faults: Faults;
  readonly statistics: Statistics;
}

const defaultPage = 100;
const maxPage = 10_000;

/** `/_simulator/state`: one summary per app_id. */
export function stateAnswer({ ingestion, deletion, faults, statistics }: Simulation, now: number): SimulatedReply {
  const apps = ingestion.appIds().map((appId) => {
    const state = ingestion.findApp(appId);
    return [
      appId,
      {
        users: state?.users.size ?? 0,
        anonymousUsers: state?.anonymousUsers.size ?? 0,
        accounts: state?.accounts.size ?? 0,
        events: state?.eventCount ?? 0,
        eventsKept: state?.events.length ?? 0,
        duplicates: statistics.app(appId).duplicates,
      },
    ] as const;
  });
  return jsonReply(200, {
    now: iso(now),
    apps: Object.fromEntries(apps),
    faults: faults.list().length,
    deletions: deletion.counts(),
  });
}

/** `/_simulator/users?app_id=&offset=&limit=`: identified and anonymous users, oldest first. */
export function usersAnswer({ ingestion }: Simulation, request: SimulatedRequest): SimulatedReply {
  return ofApp(ingestion, request, (state, page) => ({
    total: state?.users.size ?? 0,
    anonymousTotal: state?.anonymousUsers.size ?? 0,
    ...page,
    users: slice(state?.users.values(), page).map(({ identity, properties, userIds, events, createdAt }) => ({
      identity,
      properties: Object.fromEntries(properties),
      userIds: [...userIds],
      events,
      createdAt: iso(createdAt),
    })),
    anonymousUsers: slice(state?.anonymousUsers.values(), page).map(({ userId, events, createdAt }) => ({
      userId,
      events,
      createdAt: iso(createdAt),
    })),
  }));
}

/** `/_simulator/accounts?app_id=&offset=&limit=` */
export function accountsAnswer({ ingestion }: Simulation, request: SimulatedRequest): SimulatedReply {
  return ofApp(ingestion, request, (state, page) => ({
    total: state?.accounts.size ?? 0,
    ...page,
    accounts: slice(state?.accounts.values(), page).map(({ accountId, properties, createdAt }) => ({
      accountId,
      properties: Object.fromEntries(properties),
      createdAt: iso(createdAt),
    })),
  }));
}

/** `/_simulator/events?app_id=&identity=&event=&offset=&limit=`: kept events, in order of arrival. */
export function eventsAnswer({ ingestion }: Simulation, request: SimulatedRequest): SimulatedReply {
  const identity = request.query?.get('identity') ?? undefined;
  const event = request.query?.get('event') ?? undefined;
  return ofApp(ingestion, request, (state, page) => {
    const matching = (state?.events ?? []).filter(
      (stored) =>
        (event === undefined || stored.event === event) &&
        (identity === undefined || state?.identityOf(stored.subject) === identity),
    );
    return {
      total: matching.length,
      ...page,
      events: slice(matching, page).map((stored) => shownEvent(stored, state?.identityOf(stored.subject))),
    };
  });
}

function shownEvent(stored: StoredEvent, resolvedIdentity: string | undefined): unknown {
  const { subject, event, time, receivedAt, sessionId, idempotencyKey, properties, via } = stored;
  return {
    event,
    resolvedIdentity: resolvedIdentity ?? null,
    sentAs: { [subject.kind]: subject.value },
    timestamp: iso(time),
    receivedAt: iso(receivedAt),
    sessionId: sessionId ?? null,
    idempotencyKey: idempotencyKey ?? null,
    properties,
    via,
  };
}

interface Page {
  readonly offset: number;
  readonly limit: number;
}

function ofApp(
  ingestion: Ingestion,
  request: SimulatedRequest,
  answer: (state: AppState | undefined, page: Page) => unknown,
): SimulatedReply {
  const appId = request.query?.get('app_id') ?? '';
  if (appId === '') return textReply(400, 'app_id: is required in the query');
  const offset = wholeNumber(request, 'offset', 0);
  const limit = wholeNumber(request, 'limit', defaultPage);
  if (offset === undefined || limit === undefined) return textReply(400, 'offset and limit: must be whole numbers');
  return jsonReply(200, answer(ingestion.findApp(appId), { offset, limit: Math.min(limit, maxPage) }));
}

function wholeNumber(request: SimulatedRequest, name: string, absent: number): number | undefined {
  const text = request.query?.get(name) ?? String(absent);
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function slice<Item>(items: Iterable<Item> | undefined, { offset, limit }: Page): Item[] {
  return [...(items ?? [])].slice(offset, offset + limit);
}

function iso(epochMs: number): string {
  return new Date(epochMs).toISOString();
}
