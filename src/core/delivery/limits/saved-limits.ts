import type { Json } from '../../json/json.js';
import { isJsonObject } from '../../json/json.js';

/** So many items or requests, so long ago; milliseconds. */
export type SavedUse = readonly [agoMs: number, count: number];

/** What was used of the limits of one kind. */
export interface SavedKind {
  /** By the lane as a whole, the oldest first. */
  readonly lane: readonly SavedUse[];
  /** By single keys. */
  readonly keys?: readonly (readonly [key: string, ...use: SavedUse])[];
  /** What every other key may have used, at most. */
  readonly others?: SavedUse;
}

/** What a lane used of its rate limits, by kind of request: it goes to the lane's next sender. */
export type SavedLimits = Readonly<Record<string, SavedKind>>;

/** @returns undefined for a text that is none. */
export function readSavedLimits(text: string): SavedLimits | undefined {
  try {
    const parsed = JSON.parse(text) as Json;
    const isValid = isJsonObject(parsed) && Object.values(parsed).every(isSavedKind);
    return isValid ? (parsed as unknown as SavedLimits) : undefined;
  } catch {
    return undefined;
  }
}

/** The same limits as they stand `ms` later. */
export function agedLimits(limits: SavedLimits, ms: number): SavedLimits {
  const aged = ([agoMs, count]: SavedUse): SavedUse => [agoMs + ms, count];
  return Object.fromEntries(
    Object.entries(limits).map(([kind, { lane, keys, others }]) => [
      kind,
      {
        lane: lane.map(aged),
        ...(keys && { keys: keys.map(([key, agoMs, count]) => [key, agoMs + ms, count] as const) }),
        ...(others && { others: aged(others) }),
      },
    ]),
  );
}

function isSavedKind(value: Json): boolean {
  if (!isJsonObject(value)) return false;
  const { lane, keys = [], others } = value;
  return (
    Array.isArray(lane) &&
    lane.every(isUse) &&
    Array.isArray(keys) &&
    keys.every((entry) => Array.isArray(entry) && typeof entry[0] === 'string' && isUse(entry.slice(1))) &&
    (others === undefined || isUse(others))
  );
}

function isUse(value: Json): boolean {
  return (
    Array.isArray(value) && value.length === 2 && value.every((number) => typeof number === 'number' && number >= 0)
  );
}
