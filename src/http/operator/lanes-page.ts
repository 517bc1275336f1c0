import {
  laneStates,
  type DeliverySnapshot,
  type LaneSnapshot,
  type LaneState,
} from '../../core/delivery/lane-snapshot.js';

/** What `GET /lanes` answers. */
export interface LanesPage {
  /** Lanes that match, shown or not. */
  readonly total: number;
  readonly lanes: readonly LaneSnapshot[];
  readonly hosts: DeliverySnapshot['hosts'];
}

export interface LaneFilter {
  readonly states: readonly LaneState[] | undefined;
  readonly region: string | undefined;
  readonly appId: string | undefined;
  readonly limit: number;
}

/** A filter, or what is wrong with the query. */
export type FilterResult =
  { readonly ok: true; readonly filter: LaneFilter } | { readonly ok: false; readonly message: string };

const defaultLimit = 1_000;
const parameters = ['state', 'region', 'appId', 'limit'] as const;

/** The states in which somebody may have to act, the worst first; the others are alike. */
const worstFirst: readonly LaneState[] = ['paused', 'halted', 'open', 'throttled', 'waiting', 'limited'];

/**
 * Reads the query of `GET /lanes`: `state` (one or more, joined by commas), `region`, `appId` and `limit`, each once. A
 * name or a value that is not known is a fault: without it a slip of the pen would look like an answer.
 */
export function readLaneFilter(query: URLSearchParams): FilterResult {
  for (const name of query.keys()) {
    if (!parameters.some((known) => known === name)) {
      return fault(`there is no parameter "${name.slice(0, 50)}"; there are ${parameters.join(', ')}`);
    }
    if (query.getAll(name).length > 1) return fault(`"${name}" is given more than once`);
  }
  const states = query.get('state')?.split(',');
  const known = states?.map((name) => laneStates.find((state) => state === name));
  if (known?.includes(undefined) === true) return fault(`"state" is one or more of ${laneStates.join(', ')}`);
  const limit = query.get('limit') ?? String(defaultLimit);
  if (!/^[1-9]\d{0,5}$/.test(limit)) return fault('"limit" is a number from 1 to 999999');
  return {
    ok: true,
    filter: {
      states: known?.filter((state) => state !== undefined),
      region: query.get('region') ?? undefined,
      appId: query.get('appId') ?? undefined,
      limit: Number(limit),
    },
  };
}

/**
 * The lanes that match, the worst first: by state, then by backlog; where both are equal by region and app, so that the
 * same lanes come in the same order.
 */
export function lanesPage({ lanes, hosts }: DeliverySnapshot, filter: LaneFilter): LanesPage {
  const { states, region, appId, limit } = filter;
  const matching = lanes.filter(
    (lane) =>
      (states === undefined || states.includes(lane.state)) &&
      (region === undefined || lane.region === region) &&
      (appId === undefined || lane.appId === appId),
  );
  matching.sort(
    (a, b) =>
      rank(a.state) - rank(b.state) ||
      b.backlog - a.backlog ||
      compareText(a.region, b.region) ||
      compareText(a.appId, b.appId),
  );
  return {
    total: matching.length,
    lanes: matching.slice(0, limit).map(inWholeMs),
    hosts: hosts.map((host) => ({ ...host, latencyMs: Math.round(host.latencyMs) })),
  };
}

/** Without fractions of milliseconds, which nobody reads. */
export function inWholeMs(lane: LaneSnapshot): LaneSnapshot {
  return { ...lane, oldestAgeMs: Math.round(lane.oldestAgeMs) };
}

function rank(state: LaneState): number {
  const index = worstFirst.indexOf(state);
  return index < 0 ? worstFirst.length : index;
}

function compareText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}

function fault(message: string): FilterResult {
  return { ok: false, message };
}
