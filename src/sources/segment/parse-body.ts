import { countMembers, findDuplicateKeys, type JsonPath } from '../../core/json/duplicate-keys.js';
import { inspectJson } from '../../core/json/inspect.js';
import type { Json } from '../../core/json/json.js';

export interface ParsedBody {
  readonly body: Json;
  /** The first two steps to every key that stands twice in one object. */
  readonly duplicates: readonly JsonPath[];
}

export type ParseResult =
  | { readonly ok: true; readonly parsed: ParsedBody }
  | { readonly ok: false; readonly reason: 'json_malformed'; readonly message: string };

/** Parses the text of a request; it may begin with a byte order mark. */
export function parseBody(text: string): ParseResult {
  let body: Json;
  try {
    body = JSON.parse(text.startsWith('\uFEFF') ? text.slice(1) : text) as Json;
  } catch (error) {
    return { ok: false, reason: 'json_malformed', message: jsonErrorMessage(error) };
  }
  return { ok: true, parsed: { body, duplicates: duplicatesIn(text, body) } };
}

function duplicatesIn(text: string, body: Json): readonly JsonPath[] {
  const { keys } = inspectJson(body, { maxKeys: Number.POSITIVE_INFINITY, maxDepth: 200 });
  return countMembers(text) === keys ? [] : findDuplicateKeys(text, 2);
}

/** V8 quotes the text around the fault, which may be personal data: only the place is kept. */
function jsonErrorMessage(error: unknown): string {
  const place = /position \d+/.exec(error instanceof Error ? error.message : '');
  return place === null ? 'the body is not JSON' : `the body is not JSON, at ${place[0]}`;
}
