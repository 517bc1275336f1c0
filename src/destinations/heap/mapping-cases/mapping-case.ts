import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';

import isEqual from 'lodash/isEqual.js';

import { formatPath, type SchemaFault } from '../../../core/config/schema-faults.js';
import type { Json, JsonObject } from '../../../core/json/json.js';
import { compileConnection } from '../compile-connection.js';
import { readConnection } from '../read-connection.js';

/**
 * One case of a mapping, a small JSON file: under this configuration, this event becomes these operations, or is
 * refused for this reason.
 */
export interface MappingCase {
  readonly description: string;
  /** A connection's settings, without credentials; `appId` may be left out. */
  readonly config?: JsonObject;
  readonly event: Json;
  readonly expected: ExpectedResult;
}

export type ExpectedResult =
  | { readonly operations: readonly ExpectedOperation[]; readonly adjustments?: readonly string[] }
  | { readonly reason: string };

interface ExpectedOperation {
  readonly kind: string;
  readonly item: JsonObject;
}

export interface CaseFile {
  /** Path relative to the folder that was searched, with forward slashes. */
  readonly name: string;
  readonly path: string;
}

export interface CaseReport {
  readonly description: string;
  readonly passed: boolean;
  readonly expected: ExpectedResult | undefined;
  readonly actual: ExpectedResult;
}

const caseConfigDefaults = { appId: '1000000001' };

/** Every `*.json` below a folder, sorted by name; files and folders that begin with `_` are left out. */
export function findCases(folder: string): readonly CaseFile[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.json'))
    .map((name) => ({ path: join(folder, name), name: name.replaceAll('\\', '/') }))
    .filter(({ name }) => !name.split('/').some((part) => part.startsWith('_')))
    .sort((a, b) => (a.name < b.name ? -1 : 1));
}

/**
 * Runs one case.
 *
 * @param config a connection's settings that the case's own `config` is laid over.
 * @throws Error with a sentence when the file is no case or its configuration is wrong.
 */
export function runCase(file: CaseFile, config: JsonObject = {}): CaseReport {
  const parsed = readCase(file);
  const faults: SchemaFault[] = [];
  const connection = readConnection({ ...caseConfigDefaults, ...config, ...parsed.config }, dirname(file.path), faults);
  if (connection === undefined) {
    throw new Error(
      `${file.name}: ${faults.map((fault) => `config.${formatPath(fault.path)} ${fault.message}`).join('; ')}`,
    );
  }
  const result = compileConnection(connection, []).transform(parsed.event);
  const actual: ExpectedResult =
    result.outcome === 'mapped'
      ? {
          operations: result.operations.map(({ kind, text }) => ({ kind, item: JSON.parse(text) as JsonObject })),
          ...(result.adjustments.isEmpty ? {} : { adjustments: result.adjustments.reasons() }),
        }
      : { reason: result.reason };
  return {
    description: parsed.description,
    expected: parsed.expected,
    actual,
    passed: isEqual(actual, parsed.expected),
  };
}

/** Writes the result that the mapping has today into the case as the expected one. */
export function updateCase(file: CaseFile, actual: ExpectedResult): void {
  const { expected: _expected, ...rest } = readCase(file);
  writeFileSync(file.path, `${JSON.stringify({ ...rest, expected: actual }, undefined, 2)}\n`);
}

function readCase(file: CaseFile): MappingCase {
  let parsed: unknown;
  try {
    parsed = JSON.parse(readFileSync(file.path, 'utf8'));
  } catch (error) {
    throw new Error(`${file.name} is not JSON: ${(error as Error).message}`, { cause: error });
  }
  if (typeof parsed !== 'object' || parsed === null || !('description' in parsed) || !('event' in parsed)) {
    throw new Error(`${file.name} is no case: it needs "description", "event" and "expected"`);
  }
  return parsed as MappingCase;
}
