/** The four writes of Heap's server-side API. */
export const operationKinds = ['identify', 'addUserProperties', 'addAccountProperties', 'track'] as const;

export type OperationKind = (typeof operationKinds)[number];

/** What Heap takes in an item of each kind, beside the app_id. Anything else it would drop without a word. */
export const operationFields: Readonly<Record<OperationKind, readonly string[]>> = {
  identify: ['user_id', 'identity', 'timestamp'],
  addUserProperties: ['identity', 'properties'],
  addAccountProperties: ['account_id', 'properties'],
  track: ['identity', 'user_id', 'event', 'timestamp', 'idempotency_key', 'session_id', 'properties'],
};
