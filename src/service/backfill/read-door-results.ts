import { isJsonArray, isJsonObject, type Json } from '../../core/json/json.js';
import { reasons, type DropReason, type RejectionReason } from '../../core/reasons.js';
import type { TargetOutcome } from './backfill-target.js';

/**
 * The results in the answer of a service that took a batch, in the order of its events.
 *
 * @returns undefined for an answer that is not such a service's, or not for so many events.
 */
export function readDoorResults(body: string, events: number): readonly TargetOutcome[] | undefined {
  let answer: Json;
  try {
    answer = JSON.parse(body) as Json;
  } catch {
    return undefined;
  }
  if (!isJsonObject(answer) || !isJsonArray(answer.results) || answer.results.length !== events) return undefined;
  const outcomes = answer.results.map(toOutcome);
  return outcomes.some((outcome) => outcome === undefined) ? undefined : outcomes.filter((each) => each !== undefined);
}

function toOutcome(result: Json): TargetOutcome | undefined {
  if (!isJsonObject(result)) return undefined;
  const { outcome, reason, message } = result;
  switch (outcome) {
    case 'accepted':
    case 'delivered':
      return { type: 'taken' };
    case 'dropped':
      return isDropReason(reason) ? { type: 'dropped', reason } : undefined;
    case 'rejected':
      return isRejectionReason(reason)
        ? { type: 'rejected', reason, detail: typeof message === 'string' ? message : '' }
        : undefined;
    default:
      return undefined;
  }
}

function isDropReason(reason: Json | undefined): reason is DropReason {
  return groupOf(reason) === 'dropped';
}

function isRejectionReason(reason: Json | undefined): reason is RejectionReason {
  return groupOf(reason) === 'rejected';
}

function groupOf(reason: Json | undefined): string | undefined {
  return typeof reason === 'string' && Object.hasOwn(reasons, reason)
    ? reasons[reason as keyof typeof reasons].group
    : undefined;
}
