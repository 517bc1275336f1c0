import { lazyValidator } from '../../core/config/lazy-validator.js';
import { explainSchemaErrors, type SchemaFault } from '../../core/config/schema-faults.js';
import type { SignatureAlgorithm, WebhookSetting } from './webhook-setting.js';

interface WebhookConfig {
  readonly secret?: string;
  readonly hmacSecret?: string;
  readonly header?: string;
  readonly algorithm?: SignatureAlgorithm;
}

const schema = lazyValidator<WebhookConfig>(new URL('./webhook-setting.schema.json', import.meta.url), {
  allErrors: true,
  verbose: true,
});

/**
 * Checks the `webhook` of a connection as a person writes it, and fills in its defaults.
 *
 * @param faults receives everything that is wrong, each with its path inside the setting.
 * @returns the setting, or `undefined` when there are faults.
 */
export function readWebhookSetting(value: unknown, faults: SchemaFault[]): WebhookSetting | undefined {
  if (!schema.isValid(value)) {
    faults.push(...explainSchemaErrors(schema.errors));
    return undefined;
  }
  const { secret, hmacSecret, header, algorithm } = value;
  if (secret !== undefined && hmacSecret === undefined && header === undefined && algorithm === undefined) {
    return Object.freeze({ secret });
  }
  if (hmacSecret !== undefined && secret === undefined) {
    return Object.freeze({ hmacSecret, header: header ?? 'X-Signature', algorithm: algorithm ?? 'sha256' });
  }
  faults.push({ path: [], message: 'must have either secret, or hmacSecret with header and algorithm if need be' });
  return undefined;
}
