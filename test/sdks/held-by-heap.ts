import type { AppState } from '../../src/destinations/heap/simulator/app-state.js';

/** What the simulated Heap holds of an app_id, in a form that is easy to compare. */
export interface Held {
  /** By name. */
  readonly events: readonly { readonly event: string; readonly of: string | undefined; readonly properties: object }[];
  /** User properties by identity. */
  readonly users: Readonly<Record<string, object>>;
  /** How many visitors were merged into each identity. */
  readonly visitors: Readonly<Record<string, number>>;
  /** Account properties by account id. */
  readonly accounts: Readonly<Record<string, object>>;
}

export function heldByHeap(app: AppState | undefined): Held {
  const users = [...(app?.users.values() ?? [])];
  const accounts = [...(app?.accounts.values() ?? [])];
  return {
    events: (app?.events ?? [])
      .map(({ event, subject, properties }) => ({ event, of: app?.identityOf(subject), properties }))
      .sort((a, b) => (a.event < b.event ? -1 : 1)),
    users: Object.fromEntries(users.map(({ identity, properties }) => [identity, Object.fromEntries(properties)])),
    visitors: Object.fromEntries(users.map(({ identity, userIds }) => [identity, userIds.size])),
    accounts: Object.fromEntries(
      accounts.map(({ accountId, properties }) => [accountId, Object.fromEntries(properties)]),
    ),
  };
}
