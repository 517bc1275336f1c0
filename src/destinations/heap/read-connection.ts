import { readFileSync } from 'node:fs';
import { resolve } from 'node:path';

import { Ajv2020 } from 'ajv/dist/2020.js';

import { explainSchemaErrors, type SchemaFault } from '../../core/config/schema-faults.js';
import type { Mapping } from '../../core/mapping/mapping.js';
import { readMapping } from '../../core/mapping/read-mapping.js';
import { compileConnection } from './compile-connection.js';
import {
  defaultHeapSettings,
  type HeapConnection,
  type HeapSettings,
  type PresetName,
  type Region,
} from './connection.js';

/** A connection as a person writes it: everything but `appId` has a default. */
export interface ConnectionConfig extends Partial<HeapSettings> {
  readonly id?: string;
  readonly writeKey?: string;
  readonly webhook?: unknown;
  readonly appId: string;
  readonly region?: Region;
  readonly preset?: PresetName;
  readonly mapping?: string | Mapping;
}

const connectionSchema = JSON.parse(
  readFileSync(new URL('./connection.schema.json', import.meta.url), 'utf8'),
) as object;

const validate = new Ajv2020({ allErrors: true, verbose: true, allowUnionTypes: true }).compile<ConnectionConfig>(
  connectionSchema,
);

/**
 * Checks a connection, fills in its defaults, reads its mapping file and compiles it once to find what is wrong with it.
 *
 * @param value parsed YAML or JSON.
 * @param folder what a mapping path is relative to.
 * @param faults receives everything that is wrong, each with its path inside the connection.
 * @returns the connection, or `undefined` when there are faults.
 */
export function readConnection(value: unknown, folder: string, faults: SchemaFault[]): HeapConnection | undefined {
  if (!validate(value)) {
    faults.push(...explainSchemaErrors(validate.errors));
    // What is wrong with the mapping is told at the same time.
    const named = (value as { readonly mapping?: unknown } | null)?.mapping;
    if (typeof named === 'string' || (typeof named === 'object' && named !== null)) {
      readOwnMapping(named as string | Mapping, folder, faults);
    }
    return undefined;
  }
  const {
    id = 'default',
    writeKey: _writeKey,
    webhook: _webhook,
    appId,
    region = 'us',
    preset = 'heap',
    mapping,
    ...settings
  } = value;
  const before = faults.length;
  const ownMapping = mapping === undefined ? undefined : readOwnMapping(mapping, folder, faults);
  const connection: HeapConnection = Object.freeze({
    id,
    appId,
    region,
    preset,
    settings: Object.freeze({ ...defaultHeapSettings, ...settings }),
    ...(ownMapping === undefined ? {} : { mapping: ownMapping }),
  });
  if (faults.length > before) return undefined;
  const mappingFaults: string[] = [];
  compileConnection(connection, mappingFaults);
  const source = typeof mapping === 'string' ? `${mapping}: ` : '';
  faults.push(...mappingFaults.map((message) => ({ path: ['mapping'], message: `${source}${message}` })));
  return faults.length > before ? undefined : connection;
}

function readOwnMapping(mapping: string | Mapping, folder: string, faults: SchemaFault[]): Mapping | undefined {
  const mappingFaults: string[] = [];
  const source = typeof mapping === 'string' ? `${mapping}: ` : '';
  const parsed = typeof mapping === 'string' ? parseFile(resolve(folder, mapping), mappingFaults) : mapping;
  const read = parsed === undefined ? undefined : readMapping(parsed, mappingFaults);
  faults.push(...mappingFaults.map((message) => ({ path: ['mapping'], message: `${source}${message}` })));
  return read;
}

function parseFile(path: string, faults: string[]): unknown {
  try {
    return JSON.parse(readFileSync(path, 'utf8'));
  } catch (error) {
    faults.push(
      error instanceof SyntaxError ? `is not JSON: ${error.message}` : 'can not be read; does the file exist?',
    );
    return undefined;
  }
}
