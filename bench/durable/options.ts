import { parseArgs } from 'node:util';

export interface DurableOptions {
  readonly isQuick: boolean;
  /** Whether PostgreSQL is measured as well. */
  readonly hasPostgres: boolean;
}

/** Reads the command line of a benchmark of the store; ends the process where it can't be read. */
export function readDurableOptions(name: string): DurableOptions {
  try {
    const { values } = parseArgs({
      options: {
        quick: { type: 'boolean', default: false },
        'no-postgres': { type: 'boolean', default: false },
      },
    });
    return { isQuick: values.quick, hasPostgres: !values['no-postgres'] };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    process.stderr.write(`${message}

Usage: npm run ${name} -- [options]

  --quick         fewer and smaller rounds: to see that it works
  --no-postgres   LMDB alone
`);
    process.exit(2);
  }
}
