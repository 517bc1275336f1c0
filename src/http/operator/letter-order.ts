import type { LetterSelection } from '../../core/durable/select-letters.js';
import { isJsonObject, type Json, type JsonObject } from '../../core/json/json.js';
import { filterNames, readLetterFilter } from './letter-filter.js';
import { fault, readLimit, unknown, type Read } from './read-parameters.js';

/** What a person wants done, and with which letters. */
export interface LetterOrder {
  readonly selection: LetterSelection;
  readonly dryRun: boolean;
  readonly limit: number;
  /** Letters rejected at this time or later are left alone: an order is about those that were there when it began. */
  readonly until: number;
}

const fields = ['ids', 'filter', 'all', 'dryRun', 'limit', 'after'] as const;
const choice = 'say which letters: {"ids": ["…"]}, {"filter": {…}}, or {"all": true} for every one';
const maxIds = 10_000;
const defaultLimit = 10_000;
const maxLimit = 100_000;

/**
 * Reads the body of `POST /dead-letters/replay` and `/discard`: one of `ids`, `filter` and `all`, with `dryRun`, and for
 * the last two `limit` and `after`. Every letter is meant only where that is said: an empty filter may be a slip.
 */
export function readLetterOrder(text: string, now: number): Read<LetterOrder> {
  const body = parse(text);
  if (!isJsonObject(body)) return fault(`the body is a JSON object; ${choice}`);
  const { ids, filter, all, dryRun = false, limit, after } = body;
  const odd = Object.keys(body).find((name) => !fields.some((known) => known === name));
  if (odd !== undefined) return unknown('field', odd, fields);
  if ([ids, filter, all].filter((way) => way !== undefined).length !== 1) return fault(choice);
  if (typeof dryRun !== 'boolean') return fault('"dryRun" is true or false');
  if (ids !== undefined) {
    if (limit !== undefined || after !== undefined) return fault('"limit" and "after" go with "filter" and "all"');
    if (!isIds(ids)) return fault(`"ids" is an array of 1 to ${maxIds} texts`);
    return { ok: true, value: { selection: { ids }, dryRun, limit: ids.length, until: now } };
  }
  if (all !== undefined && all !== true) return fault('"all" is true or not there');
  if (after !== undefined && typeof after !== 'string') return fault('"after" is the id of a letter');
  if (limit !== undefined && typeof limit !== 'number') return fault(`"limit" is a number from 1 to ${maxLimit}`);
  const readCount = readLimit(limit === undefined ? undefined : String(limit), defaultLimit, maxLimit);
  if (!readCount.ok) return readCount;
  const values = filterValues(filter ?? {});
  if (!values.ok) return values;
  if (filter !== undefined && values.value.size === 0) return fault(`the filter is empty; ${choice}`);
  const read = readLetterFilter(values.value, now);
  if (!read.ok) return read;
  const until = Math.min(now, read.value.until ?? now);
  const selection = { filter: { ...read.value, until }, after };
  return { ok: true, value: { selection, dryRun, limit: readCount.value, until } };
}

function parse(text: string): Json | undefined {
  try {
    return JSON.parse(text) as Json;
  } catch {
    return undefined;
  }
}

function isIds(ids: Json): ids is readonly string[] {
  return Array.isArray(ids) && ids.length > 0 && ids.length <= maxIds && ids.every((id) => typeof id === 'string');
}

function filterValues(filter: Json): Read<ReadonlyMap<string, string>> {
  if (!isJsonObject(filter)) return fault(`"filter" is an object with ${filterNames.join(', ')}`);
  const values = new Map<string, string>();
  for (const [name, value] of Object.entries(filter satisfies JsonObject)) {
    if (!filterNames.some((known) => known === name)) return unknown('filter', name, filterNames);
    // An app_id is all digits, and easily written as a number.
    if (typeof value !== 'string' && typeof value !== 'number') return fault(`"${name}" is a text`);
    values.set(name, String(value));
  }
  return { ok: true, value: values };
}
