import { isJsonObject } from '../../core/json/json.js';
import type { Operation } from '../../core/batching/operation.js';
import type { RouterEvent } from './rudder-event.js';

/** A job of a router's request that became operations. */
export interface Job {
  readonly event: RouterEvent;
  readonly operations: readonly Operation[];
  /** It is sent by itself, whatever else there is to send. */
  readonly isAlone: boolean;
}

export interface SlottedJob extends Job {
  readonly slot: number;
}

/**
 * Says in which step each job is delivered, so that the jobs of one user (`metadata.userId`, the key by which
 * rudder-server itself orders) and the writes to one identity arrive in the order of the request, in as few steps as
 * that allows.
 *
 * Even slots are for what is written of users and accounts, odd ones for tracks. A job never comes before an earlier one
 * of the same user: in the usual request, where a user is identified first, there are two slots; a user who is
 * identified again after a track opens two more. A job that is sent alone has a slot after, not beside, what its user
 * did before.
 */
export function assignSlots(jobs: readonly Job[]): readonly SlottedJob[] {
  const latest = new Map<string, { slot: number; isAlone: boolean }>();
  return jobs.map((job) => {
    const keys = orderKeys(job);
    let earliest = 0;
    for (const key of keys) {
      const before = latest.get(key);
      if (before === undefined) continue;
      earliest = Math.max(earliest, before.isAlone || job.isAlone ? before.slot + 1 : before.slot);
    }
    const isTrack = job.operations.every(({ kind }) => kind === 'track');
    const slot = earliest % 2 === (isTrack ? 1 : 0) ? earliest : earliest + 1;
    for (const key of keys) latest.set(key, { slot, isAlone: job.isAlone });
    return { ...job, slot };
  });
}

function orderKeys({ event, operations }: Job): readonly string[] {
  const keys: string[] = [];
  const lane = event.destination?.lane.key ?? '';
  const userId = isJsonObject(event.metadata) ? event.metadata.userId : undefined;
  if ((typeof userId === 'string' && userId !== '') || typeof userId === 'number') keys.push(`${lane} user ${userId}`);
  for (const { kind, mergeKey } of operations) if (mergeKey !== undefined) keys.push(`${lane} ${kind} ${mergeKey}`);
  return keys;
}
