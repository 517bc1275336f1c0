import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';

/** What rudder-server calls this destination. */
const destinationType = 'HEAP';

/** Where events come from: rudder-server panics when a features document claims neither of these. */
const sourceFlags = { supportSourceTransformV1: true, upgradedToSourceTransformV2: true } as const;

const flagNames = [
  'supportSourceTransformV1',
  'supportTransformerProxyV1',
  'upgradedToSourceTransformV2',
  'supportDestTransformCompactedPayloadV1',
] as const;

/** What this transformer can do, as rudder-server reads it from `GET /features`. */
export const ownFeatures = {
  routerTransform: { [destinationType]: true },
  regulations: [destinationType],
  ...sourceFlags,
  supportTransformerProxyV1: true,
  supportDestTransformCompactedPayloadV1: true,
} as const satisfies JsonObject;

/**
 * The features of an upstream transformer and this one behind one address. All that the upstream says stands, keys nobody
 * here knows too; Heap is added to its router transforms and its regulations.
 *
 * The flags hold for every destination at once, so they are the upstream's: an upstream that does not know compacted
 * payloads would fail on each of them. Only the two about sources become true where neither is, for the server's sake.
 *
 * Total: what has another shape than rudder-server's own is taken as absent.
 */
export function mergeFeatures(upstream: Json): JsonObject {
  const theirs = isJsonObject(upstream) ? upstream : {};
  const { routerTransform, regulations } = theirs;
  const list = isJsonArray(regulations) ? regulations : [];
  const odd = new Set<string>(flagNames.filter((name) => typeof theirs[name] !== 'boolean'));
  const kept = Object.fromEntries(Object.entries(theirs).filter(([key]) => !odd.has(key)));
  const knowsSources = kept.supportSourceTransformV1 === true || kept.upgradedToSourceTransformV2 === true;
  return {
    ...kept,
    routerTransform: { ...(isJsonObject(routerTransform) && routerTransform), [destinationType]: true },
    regulations: list.includes(destinationType) ? list : [...list, destinationType],
    ...(!knowsSources && sourceFlags),
  };
}
