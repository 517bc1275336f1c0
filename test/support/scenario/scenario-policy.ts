import type { DeliveryPolicy } from '../../../src/core/delivery/delivery-policy.js';
import { isJsonObject, type JsonObject } from '../../../src/core/json/json.js';
import { defaultDeliveryConfig } from '../../../src/service/delivery-config.js';
import { toDeliveryPolicy } from '../../../src/service/delivery-policy.js';
import { defaultBatchingConfig } from '../../../src/service/service-config.js';

/**
 * The service's own policy with some of it changed: what scenarios hold, the service that nobody configured holds.
 *
 * @throws where a change names what no policy has.
 */
export function policyWith(changes: JsonObject): DeliveryPolicy {
  return overlay(toDeliveryPolicy(defaultBatchingConfig, defaultDeliveryConfig), changes, 'policy');
}

function overlay<T extends object>(base: T, changes: JsonObject, path: string): T {
  const merged = { ...base } as Record<string, unknown>;
  for (const [key, value] of Object.entries(changes)) {
    const known = merged[key];
    if (known === undefined) throw new Error(`${path}.${key}: there is no such setting`);
    const isGroup = typeof known === 'object' && known !== null && isJsonObject(value);
    merged[key] = isGroup ? overlay(known, value, `${path}.${key}`) : value;
  }
  return merged as T;
}
