import type { LaneTarget } from '../../core/batching/operation.js';
import type { KindRules } from '../../core/batching/request-rules.js';
import { setOwn, type JsonObject, type MutableJsonObject } from '../../core/json/json.js';
import type { OperationKind } from './operation-kind.js';

/** Items that Heap takes in one bulk request (https://developers.heap.io/reference/bulk-track and its siblings). */
const maxItemsPerRequest = 1_000;

/**
 * Requests to Heap by kind of operation. Writes that say who somebody is come first, then what is known of users and
 * accounts, then what they did.
 */
export const heapRequestRules: Readonly<Record<OperationKind, KindRules>> = {
  identify: {
    stage: 0,
    path: '/api/v1/identify',
    maxItems: 1,
    // The same merge again says nothing new.
    merge: 'first',
    overheadBytes: (lane) => Buffer.byteLength(appIdPrefix(lane)) - 1,
    wrap: (lane, [item = '{}']) => `${appIdPrefix(lane)}${item.slice(1)}`,
  },
  addUserProperties: { ...bulk(1, '/api/add_user_properties', 'users'), merge: mergeProperties },
  addAccountProperties: { ...bulk(1, '/api/add_account_properties', 'accounts'), merge: mergeProperties },
  track: bulk(2, '/api/track', 'events'),
};

function bulk(stage: number, path: string, list: string): KindRules {
  const prefix = (lane: LaneTarget): string => `${appIdPrefix(lane)}"${list}":[`;
  return {
    stage,
    path,
    maxItems: maxItemsPerRequest,
    overheadBytes: (lane) => Buffer.byteLength(prefix(lane)) + 2,
    wrap: (lane, items) => `${prefix(lane)}${items.join(',')}]}`,
  };
}

function appIdPrefix(lane: LaneTarget): string {
  return `{"app_id":${JSON.stringify(lane.appId)},`;
}

/**
 * Later values overwrite earlier ones, key by key, as Heap itself does with writes that follow each other. Only repeats
 * are parsed again, each once.
 */
function mergeProperties(items: readonly string[]): string {
  const writes = items.map((item) => JSON.parse(item) as PropertyWrite);
  const properties: MutableJsonObject = {};
  for (const write of writes) {
    // A mapping of one's own may make writes without properties.
    for (const [key, value] of Object.entries(write.properties ?? {})) setOwn(properties, key, value);
  }
  return JSON.stringify({ ...writes.at(-1), properties });
}

interface PropertyWrite extends JsonObject {
  readonly properties?: JsonObject;
}
