import type { KindRules } from '../../core/batching/request-rules.js';
import type { LaneTarget } from '../../core/batching/operation.js';
import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import type { OperationKind } from './operation-kind.js';

/** Items that Heap takes in one bulk request (https://developers.heap.io/reference/bulk-track and its siblings). */
export const maxItemsPerRequest = 1_000;

/**
 * Requests to Heap by kind of operation. Writes that say who somebody is come first, then what is known of users and
 * accounts, then what they did.
 */
export const heapRequestRules: Readonly<Record<OperationKind, KindRules>> = {
  identify: {
    stage: 0,
    path: '/api/v1/identify',
    maxItems: 1,
    // The same merge again says nothing new; another identity for the same user_id is another merge.
    mergeKey: (item) => `${keyText(item.user_id)} ${keyText(item.identity)}`,
    merge: (earlier) => earlier,
    // Of two identities for one user_id Heap keeps the first that arrives.
    orderKey: (item) => keyText(item.user_id),
    overheadBytes: (lane) => Buffer.byteLength(appIdPrefix(lane)) - 1,
    wrap: (lane, [item = '{}']) => `${appIdPrefix(lane)}${item.slice(1)}`,
  },
  addUserProperties: bulk(1, '/api/add_user_properties', 'users', 'identity'),
  addAccountProperties: bulk(1, '/api/add_account_properties', 'accounts', 'account_id'),
  track: bulk(2, '/api/track', 'events'),
};

function bulk(stage: number, path: string, list: string, mergeBy?: string): KindRules {
  const prefix = (lane: LaneTarget): string => `${appIdPrefix(lane)}"${list}":[`;
  const rules: KindRules = {
    stage,
    path,
    maxItems: maxItemsPerRequest,
    overheadBytes: (lane) => Buffer.byteLength(prefix(lane)) + 2,
    wrap: (lane, items) => `${prefix(lane)}${items.join(',')}]}`,
  };
  if (mergeBy === undefined) return rules;
  return { ...rules, mergeKey: (item) => keyText(item[mergeBy]), merge: mergeProperties };
}

function appIdPrefix(lane: LaneTarget): string {
  return `{"app_id":${JSON.stringify(lane.appId)},`;
}

/** Later values overwrite earlier ones, key by key, as Heap itself does with writes that follow each other. */
function mergeProperties(earlier: JsonObject, later: JsonObject): JsonObject {
  return { ...earlier, ...later, properties: { ...members(earlier), ...members(later) } };
}

function members(item: JsonObject): JsonObject {
  const properties = item.properties;
  return isJsonObject(properties) ? properties : {};
}

/** Ids are text in the heap preset; the rudderstack preset passes on whatever the event held. */
function keyText(value: Json | undefined): string {
  return typeof value === 'string' ? `"${value}` : JSON.stringify(value ?? null);
}
