/** The four writes of Heap's server-side API. */
export const operationKinds = ['identify', 'addUserProperties', 'addAccountProperties', 'track'] as const;

export type OperationKind = (typeof operationKinds)[number];
