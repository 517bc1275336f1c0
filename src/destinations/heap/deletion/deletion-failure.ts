import type { Reply } from '../../../core/delivery/reply.js';
import { parseRetryAfter } from '../../../core/delivery/retry-after.js';
import { isJsonObject, type Json, type JsonObject } from '../../../core/json/json.js';
import { truncateText } from '../../../core/mapping/conversions/text.js';

/** Why a call of Heap's deletion API came to nothing. `detail` never holds a credential. */
export type DeletionFailure =
  /** The app id, the API key or the token is not accepted. */
  | { readonly type: 'unauthorized'; readonly detail: string }
  /** Heap will not do it, now or later. */
  | { readonly type: 'refused'; readonly detail: string }
  /** Asked to slow down. */
  | { readonly type: 'throttled'; readonly detail: string; readonly afterMs?: number }
  /** May work later. */
  | { readonly type: 'unavailable'; readonly detail: string; readonly afterMs?: number };

/** Longest piece of Heap's own words that is handed on. */
const maxWords = 300;

/** Statuses that are 4xx and yet say nothing against the request itself. */
const retryableStatuses: ReadonlySet<number> = new Set([408, 421, 425]);

/**
 * The failure that a reply stands for. A 2xx is one as well: it is asked about only where it lacks what it should carry.
 *
 * @param secrets texts that were sent and must not come back in `detail`, whoever echoes them.
 */
export function failureOf(reply: Reply, secrets: readonly string[], now: number): DeletionFailure {
  if (reply.type === 'noAnswer') {
    return { type: 'unavailable', detail: bounded(`${reply.cause}: ${reply.detail}`, secrets) };
  }
  const { status } = reply;
  const words = wordsOf(readObject(reply.body));
  const detail = bounded(`HTTP ${status}${words === '' ? '' : `: ${words}`}`, secrets);
  if (status === 401 || status === 403) return { type: 'unauthorized', detail };
  if (status >= 300 && status < 500 && status !== 429 && !retryableStatuses.has(status)) {
    return { type: 'refused', detail };
  }
  const type = status === 429 ? 'throttled' : 'unavailable';
  const afterMs = parseRetryAfter(reply.retryAfter, now);
  return afterMs === undefined ? { type, detail } : { type, detail, afterMs };
}

/** The body as a JSON object; empty where it is none. */
export function readObject(body: string): JsonObject {
  try {
    const value = JSON.parse(body) as Json;
    return isJsonObject(value) ? value : {};
  } catch {
    return {};
  }
}

/**
 * What Heap says of an error. Its page names `err` with a `message` at one place, `error` and `message` at another
 * (https://developers.heap.io/reference/user-deletion), so all of them are read.
 */
function wordsOf({ err, error, message }: JsonObject): string {
  const words = [err, error, message].flatMap((value) => {
    const text = isJsonObject(value) ? value.message : value;
    return typeof text === 'string' && text.trim() !== '' ? [text.trim()] : [];
  });
  return [...new Set(words)].join(': ');
}

/** One line of limited length, in which the secrets are blotted out before anything is cut. */
function bounded(text: string, secrets: readonly string[]): string {
  const clean = secrets.filter((secret) => secret !== '').reduce(blotOut, text);
  return truncateText(clean.replace(/[\s\p{Cc}]+/gu, ' ').trim(), maxWords);
}

function blotOut(text: string, secret: string): string {
  return text.replaceAll(secret, '[secret]');
}
