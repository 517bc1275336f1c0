import type { LaneTarget, Operation } from './operation.js';
import type { KindRules, RequestRules } from './request-rules.js';

/** One item of a request and the entries it came from: several, where they were merged. */
export interface PlannedItem<Entry> {
  readonly text: string;
  /** UTF-8 bytes of `text`. */
  readonly bytes: number;
  readonly entries: readonly Entry[];
}

/** One HTTP call to be made. */
export interface PlannedRequest<Entry> {
  readonly lane: LaneTarget;
  readonly kind: string;
  readonly stage: number;
  readonly path: string;
  readonly body: string;
  /** UTF-8 bytes of `body`. */
  readonly bytes: number;
  readonly items: readonly PlannedItem<Entry>[];
}

export interface BatchLimits {
  /** Items per request, at most; the destination's own limit per kind holds as well. */
  readonly maxItems: number;
  /** UTF-8 bytes of a request's body, at most. */
  readonly maxBytes: number;
}

export interface RequestPlan<Entry> {
  /** In the order of their stages. */
  readonly requests: readonly PlannedRequest<Entry>[];
  /** Entries whose item alone is over `maxBytes`. */
  readonly oversized: readonly Entry[];
}

interface Group<Entry> {
  readonly lane: LaneTarget;
  readonly kind: string;
  readonly rules: KindRules;
  /** Bytes of a request beside its items. */
  readonly overhead: number;
  /** In the order of their first entry. */
  readonly drafts: Draft<Entry>[];
  readonly byMergeKey: Map<string, Draft<Entry>>;
}

/** A planned item while entries are still merged into it. */
interface Draft<Entry> extends PlannedItem<Entry> {
  text: string;
  bytes: number;
  readonly entries: Entry[];
}

/**
 * Plans the fewest requests that carry a window of operations: grouped by lane and kind, at most `maxItems` items and
 * `maxBytes` bytes each, repeats merged where the kind allows it. Pure.
 *
 * What holds for every input: each entry is in exactly one item or in `oversized`; items keep the order of their first
 * entry; a merged item has the effect of its entries in their order; requests are ordered by stage, so sending them one
 * after the other, lane by lane, keeps the order that the events of one identity need.
 */
export function planRequests<Entry extends { readonly operation: Operation }>(
  window: readonly Entry[],
  rules: RequestRules,
  limits: BatchLimits,
): RequestPlan<Entry> {
  const requests: PlannedRequest<Entry>[] = [];
  const oversized: Entry[] = [];
  const groups = groupEntries(window, rules, limits.maxBytes, oversized);
  groups.sort((a, b) => a.rules.stage - b.rules.stage);
  for (const group of groups) packGroup(group, limits, requests);
  return { requests, oversized };
}

/** The request that carries these items; also how a refused request is cut into smaller ones. */
export function composeRequest<Entry>(
  lane: LaneTarget,
  kind: string,
  rules: KindRules,
  items: readonly PlannedItem<Entry>[],
): PlannedRequest<Entry> {
  const bytes = items.reduce((sum, item) => sum + item.bytes, rules.overheadBytes(lane) + items.length - 1);
  const body = rules.wrap(
    lane,
    items.map((item) => item.text),
  );
  return { lane, kind, stage: rules.stage, path: rules.path, body, bytes, items };
}

function groupEntries<Entry extends { readonly operation: Operation }>(
  window: readonly Entry[],
  rules: RequestRules,
  maxBytes: number,
  oversized: Entry[],
): Group<Entry>[] {
  const groups = new Map<string, Map<string, Group<Entry>>>();
  let group: Group<Entry> | undefined;
  for (const entry of window) {
    const { lane, kind, text, bytes, mergeKey } = entry.operation;
    // Neighbours are mostly of one lane and kind.
    if (group?.kind !== kind || group.lane.key !== lane.key) group = findGroup(groups, lane, kind, rules);
    if (group.overhead + bytes > maxBytes) {
      oversized.push(entry);
      continue;
    }
    const earlier = mergeKey === undefined ? undefined : group.byMergeKey.get(mergeKey);
    if (earlier !== undefined && mergeInto(earlier, entry, group, maxBytes)) continue;
    const draft: Draft<Entry> = { text, bytes, entries: [entry] };
    group.drafts.push(draft);
    if (mergeKey !== undefined) group.byMergeKey.set(mergeKey, draft);
  }
  return [...groups.values()].flatMap((kinds) => [...kinds.values()]);
}

/**
 * False when both together may be too large for one item: then the later write is an item of its own, behind. The sum of
 * the sizes is an upper bound of the merged one, and merging once, at the end, keeps many writes of one user cheap.
 */
function mergeInto<Entry extends { readonly operation: Operation }>(
  draft: Draft<Entry>,
  entry: Entry,
  { rules, overhead }: Group<Entry>,
  maxBytes: number,
): boolean {
  const bytes = rules.merge === 'first' ? draft.bytes : draft.bytes + entry.operation.bytes;
  if (overhead + bytes > maxBytes) return false;
  draft.bytes = bytes;
  draft.entries.push(entry);
  return true;
}

function findGroup<Entry>(
  groups: Map<string, Map<string, Group<Entry>>>,
  lane: LaneTarget,
  kind: string,
  rules: RequestRules,
): Group<Entry> {
  let kinds = groups.get(lane.key);
  if (kinds === undefined) groups.set(lane.key, (kinds = new Map<string, Group<Entry>>()));
  let group = kinds.get(kind);
  if (group === undefined) {
    const kindRules = rules[kind];
    if (kindRules === undefined) throw new Error(`no request rules for operations of kind ${kind}`);
    kinds.set(
      kind,
      (group = {
        lane,
        kind,
        rules: kindRules,
        overhead: kindRules.overheadBytes(lane),
        drafts: [],
        byMergeKey: new Map(),
      }),
    );
  }
  return group;
}

function mergeEntries<Entry extends { readonly operation: Operation }>(draft: Draft<Entry>, rules: KindRules): void {
  if (rules.merge === undefined || rules.merge === 'first') return;
  draft.text = rules.merge(draft.entries.map((entry) => entry.operation.text));
  draft.bytes = Buffer.byteLength(draft.text);
}

/** The items that a merged one was made of, in their order. */
export function takeApart<Entry extends { readonly operation: Operation }>(
  item: PlannedItem<Entry>,
): readonly PlannedItem<Entry>[] {
  return item.entries.map((entry) => {
    const { text, bytes } = entry.operation;
    return { text, bytes, entries: [entry] };
  });
}

function packGroup<Entry extends { readonly operation: Operation }>(
  { lane, kind, rules, overhead, drafts }: Group<Entry>,
  limits: BatchLimits,
  requests: PlannedRequest<Entry>[],
): void {
  const maxItems = Math.min(limits.maxItems, rules.maxItems);
  let items: PlannedItem<Entry>[] = [];
  let bytes = overhead;
  const close = (): void => {
    if (items.length > 0) requests.push(composeRequest(lane, kind, rules, items));
    items = [];
    bytes = overhead;
  };
  for (const item of drafts) {
    if (item.entries.length > 1) mergeEntries(item, rules);
    const comma = items.length === 0 ? 0 : 1;
    if (items.length === maxItems || bytes + comma + item.bytes > limits.maxBytes) close();
    bytes += (items.length === 0 ? 0 : 1) + item.bytes;
    items.push(item);
  }
  close();
}
