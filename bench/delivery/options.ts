import { parseArgs } from 'node:util';

export const usage = `Usage: npm run bench:delivery -- [options]

  --quick                 fewer and smaller rounds: some seconds, to see that it works
  --lanes <n>[,<n>]       only these numbers of lanes (default: 1,10,100,1000)
  --rounds <n>            rounds that are measured (default: 5)
  --connections <n>       requests in flight at once (default: 64)
`;

export interface Options {
  readonly lanes: readonly number[];
  readonly rounds: number;
  readonly connections: number;
  readonly isQuick: boolean;
  /** Events of a round in full requests, in small ones, and in requests of one. */
  readonly events: number;
  readonly smallEvents: number;
  readonly naiveEvents: number;
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
      quick: { type: 'boolean', default: false },
      lanes: { type: 'string', default: '1,10,100,1000' },
      rounds: { type: 'string' },
      connections: { type: 'string', default: '64' },
    },
  });
  return {
    lanes: values.lanes.split(',').map(positive),
    rounds: positive(values.rounds ?? (values.quick ? '3' : '5')),
    connections: positive(values.connections),
    isQuick: values.quick,
    // A request for each of 1,000 lanes, and a tenth of that.
    events: values.quick ? 10_000 : 100_000,
    smallEvents: values.quick ? 10_000 : 30_000,
    naiveEvents: values.quick ? 300 : 3_000,
  };
}

function positive(text: string): number {
  const value = Number(text);
  if (!Number.isInteger(value) || value < 1) throw new Error(`'${text}' is not a positive number`);
  return value;
}
