import type { ErrorObject } from 'ajv';

/** One thing that is wrong: where (`connections[0].appId`), and what would be right. */
export interface SchemaFault {
  readonly path: readonly (string | number)[];
  readonly message: string;
}

/**
 * Turns ajv's errors into one sentence per fault that says what would be right. Alternatives (`anyOf`) are one fault,
 * at their innermost place, not one per branch.
 */
export function explainSchemaErrors(errors: readonly ErrorObject[] | null | undefined): readonly SchemaFault[] {
  const list = errors ?? [];
  const unions = list.filter((error) => error.keyword === 'anyOf').map((error) => error.instancePath);
  const innermost = unions.filter((path) => !unions.some((other) => other !== path && isWithin(other, path)));
  const faults = new Map<string, SchemaFault>();
  for (const error of list) {
    const isUnion = error.keyword === 'anyOf';
    const isBranch = !isUnion && unions.some((path) => isWithin(error.instancePath, path));
    const isOuter = isUnion && !innermost.includes(error.instancePath);
    if (isBranch || isOuter || error.keyword === 'if') continue;
    const fault = explain(error);
    faults.set(`${formatPath(fault.path)} ${isUnion ? error.keyword : fault.message}`, fault);
  }
  return [...faults.values()];
}

/** `connections[0].appId`. */
export function formatPath(path: readonly (string | number)[]): string {
  return path.reduce<string>((text, step) => {
    if (typeof step === 'number') return `${text}[${step}]`;
    return text === '' ? step : `${text}.${step}`;
  }, '');
}

function isWithin(path: string, parent: string): boolean {
  return path === parent || path.startsWith(`${parent}/`);
}

function explain(error: ErrorObject): SchemaFault {
  const path = error.instancePath
    .split('/')
    .slice(1)
    .map((step) => step.replaceAll('~1', '/').replaceAll('~0', '~'))
    .map((step) => (/^\d+$/.test(step) ? Number(step) : step));
  const params = error.params as Readonly<Record<string, unknown>>;
  const parentSchema: Readonly<Record<string, unknown>> = error.parentSchema ?? {};
  const described = parentSchema.description;
  const hint = typeof described === 'string' ? ` (${described})` : '';
  switch (error.keyword) {
    case 'additionalProperties':
    case 'unevaluatedProperties': {
      const key = String(params.additionalProperty ?? params.unevaluatedProperty);
      const known = Object.keys(parentSchema.properties ?? {});
      return { path: [...path, key], message: `is not known here; known are ${known.join(', ')}` };
    }
    case 'required':
      return { path: [...path, String(params.missingProperty)], message: 'is required' };
    case 'enum':
      return { path, message: `must be one of ${JSON.stringify(params.allowedValues).slice(1, -1)}` };
    case 'pattern':
      return { path, message: typeof described === 'string' ? `must be ${described}` : 'has the wrong form' };
    case 'minLength':
      return { path, message: 'must not be empty' };
    case 'anyOf':
      return { path, message: `has none of the allowed forms${hint}` };
    default:
      return { path, message: `${error.message ?? 'is invalid'}${hint}` };
  }
}
