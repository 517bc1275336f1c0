import type { LaneTarget, Operation } from '../../core/batching/operation.js';
import type { Json, JsonObject } from '../../core/json/json.js';
import type { OperationKind } from './operation-kind.js';

/** The operation whose item is this JSON text, with the keys by which it is merged and ordered. */
export function toOperation(lane: LaneTarget, kind: OperationKind, fields: JsonObject, text: string): Operation {
  // Counting the bytes also makes one flat string of the pieces, which halves the work of the garbage collector.
  const bytes = Buffer.byteLength(text);
  switch (kind) {
    case 'track':
      return { lane, kind, text, bytes, keys: [subjectKey(fields)] };
    case 'identify': {
      // Of two identities for one user_id Heap keeps the first that arrives.
      const orderKey = keyText(fields.user_id);
      const identity = keyText(fields.identity);
      const keys = [`user_id ${orderKey}`, `identity ${identity}`] as const;
      return { lane, kind, text, bytes, keys, mergeKey: JSON.stringify([orderKey, identity]), orderKey };
    }
    case 'addUserProperties': {
      const mergeKey = keyText(fields.identity);
      return { lane, kind, text, bytes, keys: [`identity ${mergeKey}`], mergeKey };
    }
    case 'addAccountProperties': {
      const mergeKey = keyText(fields.account_id);
      return { lane, kind, text, bytes, keys: [`account ${mergeKey}`], mergeKey };
    }
  }
}

function subjectKey({ identity, user_id: userId }: JsonObject): string {
  return identity === undefined ? `user_id ${keyText(userId)}` : `identity ${keyText(identity)}`;
}

/** Ids are text in the heap preset; the rudderstack preset passes on whatever the event held. */
function keyText(value: Json | undefined): string {
  // Heap keeps ids as text: 5 and "5" are one user.
  return typeof value === 'string' || typeof value === 'number' ? `"${value}` : JSON.stringify(value ?? null);
}
