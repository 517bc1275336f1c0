import type { LaneTarget, Operation } from '../../core/batching/operation.js';
import { isJsonArray, isJsonObject, type JsonObject } from '../../core/json/json.js';
import { operationKinds, type OperationKind } from './operation-kind.js';
import { heapRequestRules } from './request-rules.js';
import { toOperation } from './to-operation.js';

/** The operations that a request to Heap carries. */
export interface ReadHeapRequest {
  readonly kind: OperationKind;
  readonly lane: LaneTarget;
  readonly operations: readonly Operation[];
}

/** The list that a kind's bulk form keeps its items in; `undefined` where there is no bulk form. */
const lists: Readonly<Record<OperationKind, 'users' | 'accounts' | 'events' | undefined>> = {
  identify: undefined,
  addUserProperties: 'users',
  addAccountProperties: 'accounts',
  track: 'events',
};

/**
 * Takes a request to Heap apart, in its single or its bulk form: the reverse of what {@link heapRequestRules} put
 * together.
 *
 * @returns `undefined` for what is none of the two: another path, no app_id, items that are no objects.
 */
export function readHeapRequest(url: URL, body: JsonObject): ReadHeapRequest | undefined {
  const kind = operationKinds.find((candidate) => url.pathname.endsWith(heapRequestRules[candidate].path));
  const { app_id: appId, ...item } = body;
  if (kind === undefined || (typeof appId !== 'string' && typeof appId !== 'number')) return undefined;
  const lane = { key: `${url.origin}:${appId}`, region: url.origin, appId: String(appId) };
  const list = lists[kind] === undefined ? undefined : item[lists[kind]];
  const items = list === undefined ? [item] : list;
  if (!isJsonArray(items) || !items.every((element) => isJsonObject(element))) return undefined;
  return {
    kind,
    lane,
    operations: items.map((fields) => readOperation(lane, kind, fields)),
  };
}

/** Only what Heap would take as properties is merged: anything else is to be refused by itself. */
function readOperation(lane: LaneTarget, kind: OperationKind, fields: JsonObject): Operation {
  const operation = toOperation(lane, kind, fields, JSON.stringify(fields));
  if (kind === 'identify' || isJsonObject(fields.properties)) return operation;
  const { mergeKey: _unused, ...unmerged } = operation;
  return unmerged;
}
