import { isDeepStrictEqual } from 'node:util';

import type { Answer } from './post.js';

interface Entry {
  readonly output?: { readonly body?: { readonly JSON?: { readonly properties?: object } } };
  readonly metadata?: unknown;
  readonly statusCode?: number;
}

/**
 * What is wrong with an answer of which `events` entries are expected, none of them refused; undefined when nothing is.
 * The floor's answer to the same request is what it is held against: all is the same but for the properties, which the
 * floor doesn't flatten.
 */
export function faultOf(answer: Answer, floor: Answer, events: number): string | undefined {
  const { status, headers, body } = answer;
  if (status !== 200) return `status ${status}: ${body.toString().slice(0, 300)}`;
  if (headers.apiversion !== '2') return `header apiVersion is ${String(headers.apiversion)}, not 2`;
  if (!headers['content-type']?.startsWith('application/json'))
    return `content-type ${String(headers['content-type'])}`;
  const entries = JSON.parse(body.toString()) as readonly Entry[];
  const expected = JSON.parse(floor.body.toString()) as readonly Entry[];
  if (entries.length !== events) return `${entries.length} entries for ${events} events`;
  for (const [index, entry] of entries.entries()) {
    const what = `entry ${index} of ${events}`;
    if (entry.statusCode !== 200) return `${what} is refused: ${JSON.stringify(entry).slice(0, 300)}`;
    if (Object.keys(entry.output?.body?.JSON?.properties ?? {}).length === 0) return `${what} has no properties`;
    if (!isDeepStrictEqual(withoutProperties(entry), withoutProperties(expected[index]))) {
      return `${what} is not what was expected: ${JSON.stringify(entry)}`;
    }
  }
  return undefined;
}

function withoutProperties(entry: Entry | undefined): object {
  const { output } = entry ?? {};
  return {
    ...entry,
    output: { ...output, body: { ...output?.body, JSON: { ...output?.body?.JSON, properties: null } } },
  };
}
