import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

export const repositoryRoot = fileURLToPath(new URL('../../', import.meta.url));

/** The codes that begin the rows of a document's tables (`| \`code\` | …`), sorted; repeats stay. */
export function readTable(document: string, only = /./): readonly string[] {
  return readRows(document, only).map(([code = '']) => code);
}

/** The cells of the rows that begin with a code, the code without its marks, sorted by it; repeats stay. */
export function readRows(document: string, only = /./): readonly (readonly string[])[] {
  const text = readFileSync(`${repositoryRoot}${document}`, 'utf8');
  return [...text.matchAll(/^\| `([^`]+)` +\|(.*)\|$/gm)]
    .map(([, code = '', rest = '']) => [code, ...rest.split('|').map((cell) => cell.trim())])
    .filter(([code = '']) => only.test(code))
    .sort(([a = ''], [b = '']) => (a < b ? -1 : a > b ? 1 : 0));
}

export interface Exposition {
  /** By the name of the metric. */
  readonly families: ReadonlyMap<string, { readonly type: string; readonly help: string }>;
  /** By name and labels as they are written. */
  readonly samples: ReadonlyMap<string, number>;
}

const samplePattern =
  /^([a-zA-Z_:][a-zA-Z0-9_:]*(?:\{(?:[a-zA-Z_][a-zA-Z0-9_]*="(?:[^"\\\n]|\\[\\"n])*",?)*\})?) (\S+)(?: \d+)?$/;

/**
 * Reads Prometheus' text format 0.0.4 (https://prometheus.io/docs/instrumenting/exposition_formats/) and throws where
 * it is violated: an unreadable line, a sample without its family, a sample twice.
 */
export function parseExposition(text: string): Exposition {
  const families = new Map<string, { type: string; help: string }>();
  const samples = new Map<string, number>();
  if (!text.endsWith('\n')) throw new Error('the last line does not end');
  for (const line of text.split('\n')) {
    if (line === '') continue;
    const [, keyword, name = '', rest = ''] = /^# (HELP|TYPE) (\S+) ?(.*)$/.exec(line) ?? [];
    if (keyword === 'HELP') {
      families.set(name, { type: 'untyped', help: rest });
    } else if (keyword === 'TYPE') {
      families.set(name, { help: families.get(name)?.help ?? '', type: rest });
    } else {
      const [, sample = '', value = ''] = samplePattern.exec(line) ?? [];
      if (sample === '') throw new Error(`not a sample: ${line}`);
      if (samples.has(sample)) throw new Error(`twice: ${sample}`);
      const family = (sample.split('{')[0] ?? '').replace(/_(bucket|sum|count)$/, '');
      if (!families.has(family) && !families.has(sample.split('{')[0] ?? '')) throw new Error(`no family: ${line}`);
      samples.set(sample, value === '+Inf' ? Infinity : Number(value));
    }
  }
  return { families, samples };
}
