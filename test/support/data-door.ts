import type { DeliveryRouter } from '../../src/core/delivery/delivery-router.js';
import type { Operation } from '../../src/core/batching/operation.js';
import { systemClock } from '../../src/core/clock.js';
import { synchronousIntake } from '../../src/core/intake.js';
import { compileConnection } from '../../src/destinations/heap/compile-connection.js';
import { defaultHeapSettings } from '../../src/destinations/heap/connection.js';
import { createDataApp } from '../../src/http/data-app.js';
import type { DataAppOptions } from '../../src/http/data/data-app-options.js';
import { listen } from '../../src/service/listen.js';
import { webhookGuard } from '../../src/sources/webhook/webhook-guard.js';
import type { WebhookSetting } from '../../src/sources/webhook/webhook-setting.js';

export interface DoorOptions extends Partial<Pick<DataAppOptions, 'allowedOrigins' | 'maxBodyBytes' | 'maxEvents'>> {
  /** Webhooks by the id of their connection. */
  readonly webhooks?: Readonly<Record<string, WebhookSetting>>;
}

/** The data port without anything behind it: what is taken in counts as delivered, and is remembered. */
export interface DataDoor {
  readonly url: string;
  /** The operations that events became. */
  readonly taken: Operation[];
  /** Route and status of every request that was answered. */
  readonly requests: string[];
  /** Faults of the service. */
  readonly errors: unknown[];
  /** Whether there is room, and whether the service stops. */
  readonly state: { hasRoom: boolean; isStopping: boolean };
  close(): Promise<void>;
}

const nothing = (): undefined => undefined;

/** Opens the data port with one connection, whose write key is `key`. */
export async function openDataDoor(options: DoorOptions = {}): Promise<DataDoor> {
  const { webhooks = {}, maxBodyBytes = 1_000_000, maxEvents = 1_000 } = options;
  const taken: Operation[] = [];
  const requests: string[] = [];
  const errors: unknown[] = [];
  const state = { hasRoom: true, isStopping: false };
  const router: Pick<DeliveryRouter, 'hasRoom' | 'deliver'> = {
    hasRoom: () => state.hasRoom,
    deliver: (operations) => {
      taken.push(...operations);
      return Promise.resolve({ type: 'delivered' });
    },
  };
  const settings = defaultHeapSettings;
  const connection = compileConnection({ id: 'main', appId: '9000000101', region: 'us', preset: 'heap', settings }, []);
  const doors = new Map(
    Object.entries(webhooks).map(([id, setting]) => [id, { guard: webhookGuard(setting), connection }]),
  );
  const app = createDataApp({
    connectionFor: (writeKey) => (writeKey === 'key' ? connection : undefined),
    webhookFor: (id) => doors.get(id),
    ...(options.allowedOrigins && { allowedOrigins: options.allowedOrigins }),
    clock: systemClock,
    intake: synchronousIntake({
      // The class has private parts that nothing else can have; these two are all that is used of it.
      router: router as DeliveryRouter,
      clock: systemClock,
      observer: {
        onReceived: nothing,
        onTransformed: nothing,
        onFault: (error) => errors.push(error),
        onOperation: nothing,
        onOutcome: nothing,
        onAdjustment: nothing,
      },
      answerTimeoutMs: 8_000,
      maxEventLength: 100_000,
    }),
    maxBodyBytes,
    maxEvents,
    isStopping: () => state.isStopping,
    onRefused: nothing,
    onRequest: (route, status) => requests.push(`${route} ${status}`),
    onError: (error) => errors.push(error),
  });
  const listener = await listen(app, 0, '127.0.0.1');
  return {
    url: listener.url,
    taken,
    requests,
    errors,
    state,
    close: () => {
      const closed = listener.close();
      listener.destroy();
      return closed;
    },
  };
}
