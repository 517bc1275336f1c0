import type { LetterFilter } from '../../core/durable/select-letters.js';
import { parseTime } from '../../core/event/parse-time.js';
import { reasons } from '../../core/reasons.js';
import { heapBaseUrls } from '../../destinations/heap/endpoints.js';
import { fault, type Read } from './read-parameters.js';

/** What letters may be chosen by. */
export const filterNames = [
  'lane',
  'app_id',
  'region',
  'connection',
  'reason',
  'message_id',
  'since',
  'until',
] as const;

const regions = Object.keys(heapBaseUrls);
const rejectionReasons = Object.entries(reasons)
  .filter(([, { group }]) => group === 'rejected')
  .map(([code]) => code);

/**
 * The filter that parameters of these names make.
 *
 * @param now what "2h" (ago) counts from; milliseconds since the epoch.
 */
export function readLetterFilter(values: ReadonlyMap<string, string>, now: number): Read<LetterFilter> {
  const region = values.get('region');
  if (region !== undefined && !regions.includes(region)) {
    return fault(`"region" is ${regions.join(' or ')}`);
  }
  const reason = values.get('reason');
  if (reason !== undefined && !rejectionReasons.includes(reason)) {
    return fault(`"reason" is one of ${rejectionReasons.join(', ')}`);
  }
  const since = readMoment(values.get('since'), now);
  if (Number.isNaN(since)) return wrongTime('since');
  const until = readMoment(values.get('until'), now);
  if (Number.isNaN(until)) return wrongTime('until');
  const texts = {
    lane: values.get('lane'),
    appId: values.get('app_id'),
    connection: values.get('connection'),
    messageId: values.get('message_id'),
  };
  return { ok: true, value: withoutUndefined({ ...texts, region, reason, since, until }) };
}

type Optional<T> = { readonly [K in keyof T]?: T[K] | undefined };

function withoutUndefined(filter: Optional<LetterFilter>): LetterFilter {
  return Object.fromEntries(Object.entries(filter).filter(([, value]) => value !== undefined));
}

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000, w: 604_800_000 };

/** Milliseconds since the epoch, of an ISO 8601 time or of "2h" ago; NaN for what is neither. */
function readMoment(text: string | undefined, now: number): number | undefined {
  if (text === undefined) return undefined;
  const [, count, unit] = /^(\d{1,6})([smhdw])$/.exec(text) ?? [];
  if (count !== undefined && unit !== undefined) return now - Number(count) * (unitMs[unit] ?? NaN);
  return parseTime(text) ?? NaN;
}

function wrongTime(name: string): Read<never> {
  return fault(`"${name}" is a time such as 2026-03-10T12:00:00Z, or how long ago: 45s, 30m, 2h, 7d, 1w`);
}
