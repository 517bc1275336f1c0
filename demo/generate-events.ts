import { writeFileSync } from 'node:fs';
import { pathToFileURL } from 'node:url';

import { connections } from './connections.js';
import { expectationOf } from './generator/expect.js';
import { tellStory } from './generator/story.js';

/** The demo's two files as text. */
export interface GeneratedFiles {
  /** One `{"writeKey", "event"}` per line. */
  readonly events: string;
  readonly expected: string;
}

/** Pure: the same text at every call, on every machine. */
export function generateFiles(): GeneratedFiles {
  const story = tellStory();
  const lines = story.map(({ connection, event }) =>
    JSON.stringify({ writeKey: connections[connection].writeKey, event }),
  );
  return { events: `${lines.join('\n')}\n`, expected: `${JSON.stringify(expectationOf(story), null, 2)}\n` };
}

/** Writes `events.ndjson` and `expected.json` into the folder given as the argument. */
function main(folder: string | undefined): void {
  if (folder === undefined) {
    process.stderr.write('usage: node build/demo/generate-events.js demo\n');
    process.exitCode = 2;
    return;
  }
  const base = pathToFileURL(`${folder}/`);
  const { events, expected } = generateFiles();
  writeFileSync(new URL('events.ndjson', base), events);
  writeFileSync(new URL('expected.json', base), expected);
}

if (import.meta.url === pathToFileURL(process.argv[1] ?? '').href) main(process.argv[2]);
