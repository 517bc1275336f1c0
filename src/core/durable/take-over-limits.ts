import type { RateLimits } from '../delivery/limits/lane-limiter.js';
import {
  agedLimits,
  readSavedLimits,
  type SavedKind,
  type SavedLimits,
  type SavedUse,
} from '../delivery/limits/saved-limits.js';
import type { ClaimedLane } from '../store/store.js';

/**
 * Operations of one kind that an event becomes, and how often each is sent, between two memos, at most: a memo is written
 * with each commit, and every two seconds while nothing is settled.
 */
const mostPerEvent = 8;

/**
 * What the senders before may have used of a lane's rate limits. One that released the lane said so exactly. Of one that
 * died it is known what it had used when it last told the store, and that whatever it sent since is still open there: so
 * much is counted as sent just now, by each key as well. That may be too much, never too little.
 */
export function takeOverLimits(claimed: ClaimedLane, limits: RateLimits): SavedLimits | undefined {
  const { memo, wasReleased, events } = claimed;
  const told = memo === undefined ? undefined : readSavedLimits(memo.text);
  const known = told === undefined || memo === undefined ? undefined : agedLimits(told, memo.ageMs);
  // A text that can't be read says as little as none.
  if (wasReleased && (memo === undefined || known !== undefined)) return known;
  return Object.fromEntries(
    Object.entries(limits).map(([kind, { perKey }]): [string, SavedKind] => {
      const lane = known?.[kind]?.lane ?? [];
      const unknown: SavedUse = [0, events * mostPerEvent];
      const uses = events === 0 ? lane : [...lane, unknown];
      if (perKey === undefined || uses.length === 0) return [kind, { lane: uses }];
      const recent = uses.filter(([agoMs]) => agoMs < perKey.windowMs);
      const count = recent.reduce((sum, [, each]) => sum + each, 0);
      return [kind, count === 0 ? { lane: uses } : { lane: uses, others: [recent.at(-1)?.[0] ?? 0, count] }];
    }),
  );
}
