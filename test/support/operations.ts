import type { LaneTarget, Operation } from '../../src/core/batching/operation.js';
import type { JsonObject } from '../../src/core/json/json.js';

export function laneTo(appId: string): LaneTarget {
  return { key: `us:${appId}`, region: 'us', appId };
}

export const lane = laneTo('11');

export function trackOf(identity: string, event: string, properties: JsonObject = {}, target = lane): Operation {
  return operation('track', { identity, event, properties }, target, `identity ${identity}`);
}

export function userPropertiesOf(identity: string, properties: JsonObject, target = lane): Operation {
  const write = operation('addUserProperties', { identity, properties }, target, `identity ${identity}`);
  return { ...write, mergeKey: identity };
}

export function identifyOf(userId: string, identity: string, target = lane): Operation {
  const item = { user_id: userId, identity };
  const merge = operation('identify', item, target, `user_id ${userId}`, `identity ${identity}`);
  return { ...merge, mergeKey: `${userId} ${identity}`, orderKey: userId };
}

function operation(
  kind: string,
  item: JsonObject,
  target: LaneTarget,
  ...keys: readonly [string, ...string[]]
): Operation {
  const text = JSON.stringify(item);
  return { lane: target, kind, text, bytes: Buffer.byteLength(text), keys };
}
