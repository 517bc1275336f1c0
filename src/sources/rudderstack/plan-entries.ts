import type { Operation } from '../../core/batching/operation.js';
import type { BatchLimits } from '../../core/batching/plan-requests.js';
import type { RequestRules } from '../../core/batching/request-rules.js';
import { isJsonObject } from '../../core/json/json.js';
import type { RouterEvent } from './rudder-event.js';

/** A job of a router's request that became operations. */
export interface Job {
  readonly event: RouterEvent;
  readonly operations: readonly Operation[];
  /** It is sent by itself, whatever else there is to send. */
  readonly isAlone: boolean;
}

/** Jobs that are delivered with one request, or a single job with as many as it needs. */
export interface PlannedEntry {
  readonly jobs: readonly Job[];
  readonly isAlone: boolean;
}

/** An entry while jobs are still added to it. */
interface OpenEntry {
  readonly jobs: Job[];
  readonly isAlone: boolean;
  readonly place: number;
  bytes: number;
}

/**
 * Puts jobs together to as few requests as keeps the order: jobs of one user (`metadata.userId`, the key by which
 * rudder-server itself orders) and writes to one identity are delivered in the order of their jobIds.
 *
 * rudder-server delivers the entries of an answer one after the other, sorted by the smallest jobId in each (its router's
 * worker does so whatever order they come in). An entry's place is therefore its first job's, and a job may join an
 * earlier one only if none between holds a job that it has to come after; otherwise it opens an entry of its own, at the
 * end. In the usual request, where users are identified before they do something, that makes two: users, then tracks.
 */
export function planEntries(jobs: readonly Job[], rules: RequestRules, limits: BatchLimits): readonly PlannedEntry[] {
  const entries: OpenEntry[] = [];
  const byGroup = new Map<string, OpenEntry[]>();
  const latest = new Map<string, number>();
  for (const job of inJobOrder(jobs)) {
    const keys = orderKeys(job);
    const earliest = Math.max(0, ...keys.map((key) => latest.get(key) ?? 0));
    const bytes = job.operations.reduce((sum, operation) => sum + operation.bytes + 1, 0);
    const overhead = overheadOf(job, rules);
    const group = groupOf(job);
    const open = byGroup.get(group) ?? [];
    const isAlone = job.isAlone || overhead + bytes > limits.maxBytes;
    let entry = isAlone
      ? undefined
      : open.find(
          (candidate) =>
            candidate.place >= earliest &&
            candidate.jobs.length < maxItems(job, rules, limits) &&
            candidate.bytes + bytes <= limits.maxBytes,
        );
    if (entry === undefined) {
      entry = { jobs: [], isAlone, place: entries.length, bytes: overhead };
      entries.push(entry);
      if (!isAlone) byGroup.set(group, [...open, entry]);
    }
    entry.jobs.push(job);
    entry.bytes += bytes;
    for (const key of keys) latest.set(key, entry.place);
  }
  return entries;
}

/** As they came, where they have no numbers to sort by. */
function inJobOrder(jobs: readonly Job[]): readonly Job[] {
  const numbered = jobs.map((job) => {
    const { metadata } = job.event;
    const id = isJsonObject(metadata) ? metadata.jobId : undefined;
    return { job, id: typeof id === 'number' ? id : Number.NaN };
  });
  if (numbered.some(({ id }) => Number.isNaN(id))) return jobs;
  return numbered.sort((a, b) => a.id - b.id).map(({ job }) => job);
}

/** An entry names one destination; two that share an app_id stay apart, as their settings and their statistics do. */
function groupOf({ event, operations }: Job): string {
  const [first] = operations;
  return JSON.stringify([event.sourceDestinationId, first?.lane.key, first?.kind]);
}

function maxItems({ operations }: Job, rules: RequestRules, limits: BatchLimits): number {
  return Math.min(limits.maxItems, rules[operations[0]?.kind ?? '']?.maxItems ?? 1);
}

function overheadOf({ operations }: Job, rules: RequestRules): number {
  const [first] = operations;
  return first === undefined ? 0 : (rules[first.kind]?.overheadBytes(first.lane) ?? 0);
}

function orderKeys({ event, operations }: Job): readonly string[] {
  const keys: string[] = [];
  const lane = event.destination?.lane.key ?? '';
  const userId = isJsonObject(event.metadata) ? event.metadata.userId : undefined;
  if ((typeof userId === 'string' && userId !== '') || typeof userId === 'number') keys.push(`${lane} user ${userId}`);
  for (const { kind, mergeKey, orderKey } of operations) {
    if (mergeKey !== undefined) keys.push(`${lane} ${kind} ${mergeKey}`);
    if (orderKey !== undefined) keys.push(`${lane} ${kind} order ${orderKey}`);
  }
  return keys;
}
