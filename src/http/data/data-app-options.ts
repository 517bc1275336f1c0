import type { Clock } from '../../core/clock.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import type { Intake } from '../../core/intake.js';
import type { RequestReason } from '../../core/reasons.js';
import type { WebhookGuard } from '../../sources/webhook/webhook-guard.js';

/** A connection that takes webhooks. */
export interface WebhookDoor {
  readonly guard: WebhookGuard;
  readonly connection: CompiledConnection;
}

export interface DataAppOptions {
  readonly connectionFor: (writeKey: string) => CompiledConnection | undefined;
  /** The webhook door of the connection with this id; by default, no connection has one. */
  readonly webhookFor?: (connectionId: string) => WebhookDoor | undefined;
  /** Origins whose pages may read the answers, such as `https://shop.example.com`; `*`, the default, is any. */
  readonly allowedOrigins?: readonly string[];
  readonly intake: Intake;
  readonly clock: Clock;
  readonly maxBodyBytes: number;
  /** Events in one request, at most. */
  readonly maxEvents: number;
  readonly isStopping: () => boolean;
  readonly onRefused: (reason: RequestReason) => void;
  /** Hears of every request with its route's pattern, never the path that was asked for. */
  readonly onRequest: (route: string, status: number, seconds: number) => void;
  /** Told about errors that are nobody's fault but ours. */
  readonly onError: (error: unknown) => void;
}
