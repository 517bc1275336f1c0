import type { OperationCounts } from './expectation.js';
import type { SimulatorStats } from './read-simulator.js';

export type OperationKind = keyof OperationCounts;

/** Where Heap takes each kind of operation. */
export const heapPaths: Readonly<Record<OperationKind, string>> = {
  track: '/api/track',
  addUserProperties: '/api/add_user_properties',
  addAccountProperties: '/api/add_account_properties',
  identify: '/api/v1/identify',
};

export const operationKinds = Object.keys(heapPaths) as readonly OperationKind[];

/** Requests that the simulated Heap got, by kind of operation. */
export function requestsByKind(stats: SimulatorStats): Record<OperationKind, number> {
  const counts = { track: 0, addUserProperties: 0, addAccountProperties: 0, identify: 0 };
  for (const kind of operationKinds) {
    counts[kind] = Object.values(stats.requests[heapPaths[kind]] ?? {}).reduce((sum, count) => sum + count, 0);
  }
  return counts;
}
