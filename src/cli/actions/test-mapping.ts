import { existsSync } from 'node:fs';

import type { Json, JsonObject } from '../../core/json/json.js';
import {
  findCases,
  runCase,
  updateCase,
  type CaseFile,
  type CaseReport,
} from '../../destinations/heap/mapping-cases/mapping-case.js';
import { readConfigFile } from '../../service/read-config.js';
import { exitCodes } from '../exit-codes.js';
import { tell } from '../output.js';

export interface TestMappingOptions {
  readonly config?: string;
  readonly connection?: string;
  readonly update?: boolean;
}

/** Runs mapping cases and tells which fail. */
export function testMapping(folders: readonly string[], options: TestMappingOptions): void {
  let passed = 0;
  let failed = 0;
  let unreadable = 0;
  try {
    const config = chosenConfig(options);
    const missing = folders.filter((folder) => !existsSync(folder));
    if (missing.length > 0) throw new Error(`there is no folder ${missing.join(', ')}`);
    for (const file of folders.flatMap((folder) => findCases(folder))) {
      const report = tryCase(file, config);
      if (report === undefined) {
        unreadable += 1;
        continue;
      }
      if (report.passed) {
        passed += 1;
        continue;
      }
      failed += 1;
      process.stdout.write(`${options.update === true ? 'updated' : 'FAILED'} ${describe(file, report)}\n`);
      if (options.update === true) updateCase(file, report.actual);
    }
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    process.exitCode = exitCodes.usage;
    return;
  }
  const what = options.update === true ? 'updated' : 'failed';
  process.stdout.write(`${passed} passed, ${failed} ${what}\n`);
  if (unreadable > 0) {
    process.exitCode = exitCodes.usage;
  } else if (passed + failed === 0) {
    tell(`no cases in ${folders.join(', ')}`);
    process.exitCode = exitCodes.usage;
  } else if (failed > 0 && options.update !== true) {
    process.exitCode = exitCodes.rejected;
  }
}

/** A file that is no case is told, and the others are run all the same. */
function tryCase(file: CaseFile, config: JsonObject): CaseReport | undefined {
  try {
    return runCase(file, config);
  } catch (error) {
    tell(error instanceof Error ? error.message : String(error));
    return undefined;
  }
}

/** The settings of a connection of the file, as a case's `config` would give them. */
function chosenConfig({ config, connection: id }: TestMappingOptions): JsonObject {
  if (config === undefined) return {};
  const read = readConfigFile(config, process.env);
  if (!read.ok) throw new Error(read.faults.join('\n'));
  const found = read.config.connections.find(({ connection }) => id === undefined || connection.id === id);
  if (found === undefined) throw new Error(`${config} has no connection "${id ?? ''}"`);
  const { settings, ...rest } = found.connection;
  return JSON.parse(JSON.stringify({ ...rest, ...settings })) as JsonObject;
}

/** The case and its two results, line by line where they differ: - expected, + actual. */
function describe(file: CaseFile, report: CaseReport): string {
  const before = lines(report.expected as Json | undefined);
  const after = lines(report.actual as unknown as Json);
  const difference = [
    ...before.filter((line) => !after.includes(line)).map((line) => `  - ${line}`),
    ...after.filter((line) => !before.includes(line)).map((line) => `  + ${line}`),
  ];
  return [`${file.name}: ${report.description}`, ...difference].join('\n');
}

function lines(value: Json | undefined): readonly string[] {
  return (JSON.stringify(value, undefined, 2) as string | undefined)?.split('\n') ?? [];
}
