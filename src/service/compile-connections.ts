import type { CompiledConnection } from '../core/compiled-connection.js';
import { hashText } from '../core/mapping/conversions/hash.js';
import { compileConnection } from '../destinations/heap/compile-connection.js';
import type { WebhookDoor } from '../http/data/data-app-options.js';
import { webhookGuard } from '../sources/webhook/webhook-guard.js';
import type { ServiceConfig } from './service-config.js';

export interface CompiledConnections {
  readonly byId: ReadonlyMap<string, CompiledConnection>;
  /** The connection with this write key. */
  forWriteKey(writeKey: string): CompiledConnection | undefined;
  /** By the id of the connection. */
  readonly webhooks: ReadonlyMap<string, WebhookDoor>;
}

export function compileConnections(config: Pick<ServiceConfig, 'connections'>): CompiledConnections {
  const byKey = new Map<string, CompiledConnection>();
  const byId = new Map<string, CompiledConnection>();
  const webhooks = new Map<string, WebhookDoor>();
  for (const { writeKey, connection, webhook } of config.connections) {
    const faults: string[] = [];
    const compiled = compileConnection(connection, faults);
    if (faults.length > 0) throw new Error(`connection ${connection.id}: ${faults.join('; ')}`);
    byKey.set(digest(writeKey), compiled);
    byId.set(connection.id, compiled);
    if (webhook !== undefined) webhooks.set(connection.id, { guard: webhookGuard(webhook), connection: compiled });
  }
  return { byId, webhooks, forWriteKey: (writeKey) => byKey.get(digest(writeKey)) };
}

/** Keys are looked up by their digest: how long a look-up takes then says nothing of how much of a key was right. */
function digest(writeKey: string): string {
  return hashText('sha256', writeKey);
}
