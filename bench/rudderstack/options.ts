import { parseArgs } from 'node:util';

import type { Form, Text } from './requests.js';

export const usage = `Usage: npm run bench:rudderstack -- [options]

  --server "<command>"         what to measure, words between blanks; gets PORT, METRICS_PORT, LOG_LEVEL
                               (default: node dist/cli/main.js transformer)
  --quick                      100 and 1,000 events, fewer rounds: about 40 s
  --form plain|compacted       only this form of request
  --events <n>[,<n>]           only these numbers of events per request (default: 1,10,100,1000)
  --text ascii|non-latin       only this text (default: ascii, and non-latin at 100 events)
  --connections <n>            how many requests at a time (default: 2)
`;

/** One row of the table. */
export interface Row {
  readonly form: Form;
  readonly events: number;
  readonly text: Text;
}

export interface Options {
  readonly server: readonly string[];
  readonly isQuick: boolean;
  readonly connections: number;
  readonly rows: readonly Row[];
}

export type ReadOptions =
  { readonly outcome: 'options'; readonly options: Options } | { readonly outcome: 'fault'; readonly message: string };

/** What the command line asks for, or what is wrong with it. */
export function readOptions(args: readonly string[]): ReadOptions {
  try {
    return { outcome: 'options', options: parseOptions(args) };
  } catch (error) {
    return { outcome: 'fault', message: error instanceof Error ? error.message : String(error) };
  }
}

function parseOptions(args: readonly string[]): Options {
  const { values } = parseArgs({
    args: [...args],
    options: {
      server: { type: 'string', default: 'node dist/cli/main.js transformer' },
      quick: { type: 'boolean', default: false },
      form: { type: 'string' },
      events: { type: 'string' },
      text: { type: 'string' },
      connections: { type: 'string', default: '2' },
    },
  });
  const forms = only(values.form, ['plain', 'compacted'] as const);
  const texts = only(values.text, ['ascii', 'non-latin'] as const);
  const sizes = values.events?.split(',').map(positive) ?? (values.quick ? [100, 1_000] : [1, 10, 100, 1_000]);
  const isWanted = ({ text, events }: Row): boolean =>
    text === 'ascii' || values.text !== undefined || (events === 100 && !values.quick);
  const rows = texts
    .flatMap((text) => forms.flatMap((form) => sizes.map((events) => ({ form, events, text }))))
    .filter(isWanted);
  return {
    server: values.server.split(' ').filter((word) => word !== ''),
    isQuick: values.quick,
    connections: positive(values.connections),
    rows,
  };
}

function only<T extends string>(wanted: string | undefined, choices: readonly T[]): readonly T[] {
  const chosen = choices.filter((choice) => wanted === undefined || choice === wanted);
  if (chosen.length === 0) throw new Error(`'${String(wanted)}' is none of ${choices.join(', ')}`);
  return chosen;
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`'${text}' is not a positive number`);
  return value;
}
