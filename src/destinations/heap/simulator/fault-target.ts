import { readAppId } from './field-rules.js';
import type { FaultTarget } from './faults.js';
import { isJsonObject } from './json-object.js';
import type { DecodedBody } from './simulated-request.js';

/** What fault rules may look at in a request; `credentialsAppId` serves requests whose body names no app_id. */
export function faultTarget(path: string, body: DecodedBody, credentialsAppId: string | undefined): FaultTarget {
  const json = body.kind === 'json' && isJsonObject(body.value) ? body.value : {};
  const appId = readAppId(json);
  return {
    path,
    appId: typeof appId === 'string' ? appId : credentialsAppId,
    contains(eventOrKey) {
      const items: readonly unknown[] = Array.isArray(json.events) ? json.events : [json];
      return items.some(
        (item) => isJsonObject(item) && (item.event === eventOrKey || item.idempotency_key === eventOrKey),
      );
    },
  };
}
