import type { Json } from '../../core/json/json.js';
import { MappingFault } from '../../core/mapping/mapping-fault.js';

/** Heap's limit for an identity (https://developers.heap.io/reference/track-1), kept for account ids too. */
export const maxIdLength = 255;

/** An id as text, and what keeps it from being used. */
export interface CandidateId {
  readonly text: string;
  readonly fault: 'invalid' | 'placeholder' | 'too_long' | undefined;
}

/** Reads ids under one connection's list of placeholders. */
export type ReadId = (value: Json | undefined) => CandidateId | undefined;

/**
 * A function from a field to the id in it: trimmed text, numbers as text; `undefined` for what is no id at all (absent,
 * null, blank, or of another type).
 *
 * `invalid`: Heap would store something else than what was sent, and two people could become one: NUL, half surrogate
 * pairs, and numbers beyond 2^53, whose last digits are lost. `placeholder`: on the list. `too_long`: never cut, for
 * the same reason.
 */
export function idReader(placeholderIdentities: readonly string[]): ReadId {
  const placeholders = new Set(placeholderIdentities.map((text) => text.trim().toLowerCase()));
  const longest = Math.max(0, ...[...placeholders].map((text) => text.length));
  // The same id is looked at several times on the way of one event; comparing it with the last one is nearly free.
  let lastValue: Json | undefined;
  let lastId: CandidateId | undefined;
  return (value) => {
    if (value !== lastValue) {
      lastId = read(value, placeholders, longest);
      lastValue = value;
    }
    return lastId;
  };
}

function read(value: Json | undefined, placeholders: ReadonlySet<string>, longest: number): CandidateId | undefined {
  if (typeof value === 'number' && (!Number.isFinite(value) || Math.abs(value) > Number.MAX_SAFE_INTEGER)) {
    return { text: String(value), fault: 'invalid' };
  }
  if (typeof value !== 'string' && typeof value !== 'number') return undefined;
  const text = String(value).trim();
  if (text === '') return undefined;
  if (!text.isWellFormed() || text.includes('\0')) return { text, fault: 'invalid' };
  if (text.length > maxIdLength) return { text, fault: 'too_long' };
  const isPlaceholder = text.length <= longest && placeholders.has(text.toLowerCase());
  return { text, fault: isPlaceholder ? 'placeholder' : undefined };
}

/** The id's text, or why it can't be used. */
export function usable(id: CandidateId, what: 'identity' | 'account_id', field: string): string | MappingFault {
  switch (id.fault) {
    case undefined:
      return id.text;
    case 'invalid':
      return new MappingFault(
        `${what}_invalid`,
        `${field} has NUL characters or half surrogate pairs, or is a number that lost digits`,
      );
    case 'too_long':
      return new MappingFault(`${what}_too_long`, `${field} has more than ${maxIdLength} characters`);
    case 'placeholder':
      return new MappingFault(
        what === 'identity' ? 'identity_placeholder' : 'account_id_missing',
        `${field} "${id.text}" is a placeholder`,
      );
  }
}
