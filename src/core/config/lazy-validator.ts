import { readFileSync } from 'node:fs';

import { Ajv2020, type ErrorObject, type Options } from 'ajv/dist/2020.js';

/** A check of values against a JSON schema. */
export interface Validator<T> {
  isValid(value: unknown): value is T;
  /** What was wrong with the last value. */
  readonly errors: readonly ErrorObject[] | null | undefined;
}

/**
 * A validator whose schema is read and compiled with the first value that it is asked about. Compiling takes some 7 MB and
 * 20 ms, which a process that never asks does not have to spend.
 *
 * @param schema the schema's file.
 */
export function lazyValidator<T>(schema: URL, options: Options): Validator<T> {
  let compiled: ReturnType<typeof compile> | undefined;
  const compile = () => new Ajv2020(options).compile<T>(JSON.parse(readFileSync(schema, 'utf8')) as object);
  return {
    isValid: (value): value is T => (compiled ??= compile())(value),
    get errors() {
      return compiled?.errors;
    },
  };
}
