import type { HeapConnection, HeapSettings } from '../../src/destinations/heap/connection.js';
import { defaultHeapSettings } from '../../src/destinations/heap/connection.js';
import type { Limits } from '../../src/destinations/heap/simulator/limits.js';
import { startSimulator, type Simulator } from '../../src/destinations/heap/simulator/start-simulator.js';
import { completeDelivery, type DeliverySettings } from '../../src/service/delivery-config.js';
import {
  defaultBatchingConfig,
  defaultServerConfig,
  type BatchingConfig,
  type ServerConfig,
  type ServiceConfig,
} from '../../src/service/service-config.js';
import { completeStore, type StorePlace, type StoreSettings } from '../../src/service/store-config.js';
import type { WebhookSetting } from '../../src/sources/webhook/webhook-setting.js';
import { startService, type RunningService } from '../../src/service/start-service.js';

export const appId = '9000000101';

export interface ServiceOptions {
  readonly server?: Partial<ServerConfig>;
  readonly batching?: Partial<BatchingConfig>;
  readonly delivery?: DeliverySettings;
  readonly settings?: Partial<HeapSettings>;
  /** Opens the webhook door of the connection `main`. */
  readonly webhook?: WebhookSetting;
  /** More connections beside the one with the write key `key`: write key to app_id. */
  readonly others?: Readonly<Record<string, string>>;
  /** Limits of the simulated Heap that are not the documented ones. */
  readonly limits?: Partial<Limits>;
  /** Where Heap is said to be; the simulator otherwise. */
  readonly heapUrl?: string;
  /** Where events wait; nowhere otherwise, so that an answer waits for Heap. */
  readonly store?: StorePlace;
  readonly storeSettings?: StoreSettings;
}

/** What was logged, with its level. */
export interface LogEntry {
  readonly level: 'debug' | 'info' | 'warn' | 'error';
  readonly fields: unknown;
  readonly message: string | undefined;
}

export interface TestService {
  readonly service: RunningService;
  readonly dataUrl: string;
  readonly operatorUrl: string;
  readonly simulator: Simulator;
  readonly log: readonly LogEntry[];
  /** Everything that Heap has of an app_id, in the order of arrival. */
  heapEvents(appId?: string): readonly string[];
  close(): Promise<void>;
}

/** The whole service on free ports, in front of a simulated Heap; delivery is quick to leave and quick to come back. */
export async function startTestService(options: ServiceOptions = {}): Promise<TestService> {
  const simulator = await startSimulator({
    limits: { trackPerIdentity: null, userPropertiesPerIdentity: null, ...options.limits },
  });
  const log: LogEntry[] = [];
  const writeLog =
    (level: LogEntry['level']) =>
    (fields: unknown, message?: string): void => {
      log.push({ level, fields, message });
    };
  const service = await startService(configFor(options.heapUrl ?? simulator.url, options), {
    debug: writeLog('debug'),
    info: writeLog('info'),
    warn: writeLog('warn'),
    error: writeLog('error'),
  }).catch(async (error: unknown) => {
    await simulator.close();
    throw error;
  });
  return {
    service,
    dataUrl: service.dataUrl,
    operatorUrl: service.operatorUrl,
    simulator,
    log,
    heapEvents: (id = appId) => (simulator.heap.findApp(id)?.events ?? []).map(({ event }) => event),
    close: async () => {
      const stopping = service.stop();
      // The second call abandons what a fault still holds up.
      await service.stop();
      await stopping;
      await simulator.close();
    },
  };
}

function configFor(heapUrl: string, options: ServiceOptions): ServiceConfig {
  const { server, batching, delivery, settings, webhook, others = {} } = options;
  const connection = (id: string, ofAppId: string): HeapConnection => ({
    id,
    appId: ofAppId,
    region: 'us',
    preset: 'heap',
    settings: { ...defaultHeapSettings, ...settings },
  });
  return {
    connections: [
      { writeKey: 'key', connection: connection('main', appId), ...(webhook === undefined ? {} : { webhook }) },
      ...Object.entries(others).map(([writeKey, id]) => ({ writeKey, connection: connection(writeKey, id) })),
    ],
    heapUrls: { us: heapUrl, eu: heapUrl },
    server: { ...defaultServerConfig, port: 0, operatorPort: 0, host: '127.0.0.1', shutdownMs: 5_000, ...server },
    batching: { ...defaultBatchingConfig, lingerMs: 1, ...batching },
    delivery: completeDelivery({
      baseBackOffMs: 2,
      maxBackOffMs: 10,
      maxRetryAfterMs: 20,
      haltedRetryMs: 10,
      breaker: { baseMs: 2, maxMs: 10 },
      hostBreaker: { baseMs: 2, maxMs: 10 },
      // A test makes fail what it likes, and waits for none of it.
      retryBudget: { perSecond: 10_000, burst: 1_000 },
      ...delivery,
    }),
    store: completeStore(options.store ?? { type: 'none' }, options.storeSettings),
  };
}
