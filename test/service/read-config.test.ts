import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';

import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';

import {
  configFromEnvironment,
  readConfigFile,
  sandboxConfig,
  type ConfigResult,
} from '../../src/service/read-config.js';
import { defaultDeliveryConfig } from '../../src/service/delivery-config.js';
import { defaultBatchingConfig, defaultServerConfig, type ServiceConfig } from '../../src/service/service-config.js';
import { defaultStoreConfig, durableBacklog } from '../../src/service/store-config.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'read-config-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function read(text: string, environment: Readonly<Record<string, string>> = {}): ConfigResult {
  const path = join(folder, 'config.yaml');
  writeFileSync(path, text);
  return readConfigFile(path, environment);
}

/** The faults, each without the folder that the file happens to be in. */
function faultsOf(result: ConfigResult): readonly string[] {
  if (result.ok) throw new Error('expected faults');
  const prefix = relative('.', `${folder}/`);
  return result.faults.map((fault) => fault.replace(`${prefix}/`, ''));
}

function configOf(result: ConfigResult): ServiceConfig {
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.config;
}

const minimal = `connections:
  - id: web
    writeKey: key
    appId: "9000000101"
`;

describe('a configuration file', () => {
  it('needs a connection only; everything else has a default', () => {
    const config = configOf(read(minimal));
    expect(config).toMatchObject({
      connections: [{ writeKey: 'key', connection: { id: 'web', appId: '9000000101', region: 'us', preset: 'heap' } }],
      heapUrls: { us: 'https://heapanalytics.com', eu: 'https://c.eu.heap-api.com' },
      server: defaultServerConfig,
      batching: defaultBatchingConfig,
      delivery: { ...defaultDeliveryConfig, ...durableBacklog },
      store: { ...defaultStoreConfig, place: { type: 'lmdb', dataDir: 'heap-destination-data' } },
    });
  });

  it('may set everything, and keeps the defaults of what it does not set', () => {
    const config = configOf(
      read(`${minimal}    region: eu
    preset: heap
    anonymousIdentity: reject
    nestedObjects: stringify
server: { port: 8080, answerTimeoutMs: 500 }
batching: { maxItems: 10 }
delivery: { maxAgeMs: 60000, breaker: { failures: 9 }, rateLimits: { eventsPerIdentityPerMinute: null } }
`),
    );
    expect(config.connections[0]?.connection).toMatchObject({
      region: 'eu',
      settings: { anonymousIdentity: 'reject', nestedObjects: 'stringify', arrays: 'list' },
    });
    expect(config.server).toEqual({ ...defaultServerConfig, port: 8080, answerTimeoutMs: 500 });
    expect(config.batching).toEqual({ ...defaultBatchingConfig, maxItems: 10 });
    expect(config.delivery).toEqual({
      ...defaultDeliveryConfig,
      ...durableBacklog,
      maxAgeMs: 60_000,
      breaker: { ...defaultDeliveryConfig.breaker, failures: 9 },
      rateLimits: { ...defaultDeliveryConfig.rateLimits, eventsPerIdentityPerMinute: null },
    });
  });

  it('may be JSON', () => {
    const text = JSON.stringify({ connections: [{ id: 'web', writeKey: 'key', appId: '1' }] });
    expect(configOf(read(text)).connections).toHaveLength(1);
  });

  it('can not be changed once it is read', () => {
    const config = configOf(read(minimal));
    const parts = [config, config.server, config.batching, config.delivery, config.heapUrls, config.connections[0]];
    for (const part of parts) expect(Object.isFrozen(part)).toBe(true);
  });

  it('may repeat itself with anchors', () => {
    const config = configOf(
      read(`connections:
  - { id: a, writeKey: k1, appId: "1", placeholderIdentities: &nobody [nobody, none] }
  - { id: b, writeKey: k2, appId: "1", placeholderIdentities: *nobody }
`),
    );
    expect(config.connections.map(({ connection }) => connection.settings.placeholderIdentities)).toEqual([
      ['nobody', 'none'],
      ['nobody', 'none'],
    ]);
  });
});

describe('the environment', () => {
  it('fills the places of a file that name it', () => {
    const text = `connections: [{ id: web, writeKey: "a-\${SECRET_1}-\${SECRET_2}", appId: "\${APP}" }]`;
    const config = configOf(read(text, { SECRET_1: 'x', SECRET_2: '$&${APP}', APP: '42' }));
    expect(config.connections).toMatchObject([{ writeKey: 'a-x-$&${APP}', connection: { appId: '42' } }]);
  });

  it('is missed by name where it is not set or empty', () => {
    const text = `connections:
  - { id: web, writeKey: "\${SECRET}", appId: "1" }
  - { id: app, writeKey: "x\${EMPTY}", appId: "1" }
`;
    expect(faultsOf(read(text, { EMPTY: '' }))).toEqual([
      'config.yaml:2:26: connections[0].writeKey names ${SECRET}, which the environment does not have',
      'config.yaml:3:26: connections[1].writeKey names ${EMPTY}, which the environment does not have',
    ]);
  });

  it('comes before the file for ports and the URLs of Heap', () => {
    const config = configOf(
      read(`${minimal}server: { port: 8080, operatorPort: 8081 }\n`, {
        PORT: '0',
        METRICS_PORT: '65535',
        HEAP_API_URL_US: 'http://127.0.0.1:9092/',
        HEAP_API_URL_EU: 'https://eu.example.test/heap//',
      }),
    );
    expect(config.server).toMatchObject({ port: 0, operatorPort: 65_535 });
    expect(config.heapUrls).toEqual({ us: 'http://127.0.0.1:9092', eu: 'https://eu.example.test/heap' });
  });

  it('counts as not set where it is empty', () => {
    const config = configOf(read(minimal, { PORT: '', HEAP_API_URL_US: '' }));
    expect(config.server.port).toBe(9090);
    expect(config.heapUrls.us).toBe('https://heapanalytics.com');
  });

  it.each([
    [{ PORT: '65536' }, `the environment's PORT must be a port from 0 to 65535, not "65536"`],
    [{ PORT: '80a' }, `the environment's PORT must be a port from 0 to 65535, not "80a"`],
    [{ METRICS_PORT: '-1' }, `the environment's METRICS_PORT must be a port from 0 to 65535, not "-1"`],
    [{ HEAP_API_URL_EU: 'heap' }, `the environment's HEAP_API_URL_EU must be an http(s) URL`],
    [{ HEAP_API_URL_US: 'ftp://x.test' }, `the environment's HEAP_API_URL_US must be an http(s) URL`],
  ])('is told what is wrong with %j', (environment, fault) => {
    expect(faultsOf(read(minimal, environment))).toEqual([`config.yaml: ${fault}`]);
  });

  it('can be the whole configuration of one connection', () => {
    expect(
      configOf(configFromEnvironment({ HEAP_APP_ID: '42', WRITE_KEY: 'k', HEAP_REGION: 'eu', PORT: '1' })),
    ).toMatchObject({
      connections: [{ writeKey: 'k', connection: { id: 'default', appId: '42', region: 'eu' } }],
      server: { port: 1 },
    });
  });

  it('is told everything that is wrong with such a connection', () => {
    expect(configFromEnvironment({ HEAP_APP_ID: 'x', HEAP_REGION: 'mars' })).toEqual({
      ok: false,
      faults: [
        'HEAP_APP_ID must be the digits of a Heap environment id',
        'WRITE_KEY must be set: the key that your source authenticates with',
        'HEAP_REGION must be us or eu, not "mars"',
      ],
    });
  });

  it('chooses the ports of a sandbox, whose Heap is always the simulator', () => {
    const config = configOf(
      sandboxConfig('http://127.0.0.1:1', { PORT: '0', HEAP_API_URL_US: 'https://heapanalytics.com' }),
    );
    expect(config).toMatchObject({
      connections: [{ writeKey: 'sandbox', connection: { id: 'sandbox' } }],
      heapUrls: { us: 'http://127.0.0.1:1', eu: 'http://127.0.0.1:1' },
      server: { port: 0 },
    });
  });
});

describe('the faults of a file', () => {
  it('are told all at once, each with its place and what would be right', () => {
    writeFileSync(
      join(folder, 'mapping.json'),
      '{"events":{"track":[{"operation":"nope","fields":[{"destKey":"a","value":1}]}]}}',
    );
    const faults = faultsOf(
      read(
        `connections:
  - id: web
    writeKey: key
    appId: 9000000101
    region: mars
    anonymousIdentity: maybe
  - id: web 2
    appId: "1"
    colour: red
  - id: app
    writeKey: key
    appId: "2"
    mapping: mapping.json
  - id: app
    writeKey: key4
    appId: "2"
    mapping: missing.json
server:
  port: 70000
  prot: 1
batching:
  maxItems: 5000
delivery: fast
extra: true
`,
        { PORT: 'x' },
      ),
    );
    for (const expected of [
      /^config\.yaml:4:12: connections\[0\]\.appId must be string \(.*digits in quotes.*\)$/,
      /^config\.yaml:5:13: connections\[0\]\.region must be one of "us","eu"$/,
      /^config\.yaml:6:24: connections\[0\]\.anonymousIdentity must be one of "hash","heapUserId","identity","reject"$/,
      /^config\.yaml:7:9: connections\[1\]\.id must be a short name.*$/,
      /^config\.yaml:7:5: connections\[1\]\.writeKey is required$/,
      /^config\.yaml:9:13: connections\[1\]\.colour is not known here; known are id, writeKey, appId, .*$/,
      /^config\.yaml:11:15: connections\[2\]\.writeKey is the same as that of connections\[0\]; each connection needs its own$/,
      /^config\.yaml:13:14: connections\[2\]\.mapping mapping\.json: .*nope/,
      /^config\.yaml:17:14: connections\[3\]\.mapping missing\.json: can not be read; does the file exist\?$/,
      /^config\.yaml:19:9: server\.port must be <= 65535$/,
      /^config\.yaml:20:9: server\.prot is not known here; known are port, operatorPort, .*$/,
      /^config\.yaml:22:13: batching\.maxItems must be <= 1000 \(Heap takes at most 1000\)$/,
      /^config\.yaml:23:11: delivery must be object$/,
      /^config\.yaml:24:8: extra is not known here; known are connections, server, batching, store, delivery$/,
      /^config\.yaml: the environment's PORT must be a port from 0 to 65535, not "x"$/,
    ]) {
      expect(faults).toContainEqual(expect.stringMatching(expected));
    }
    // Nothing is told twice.
    expect(new Set(faults).size).toBe(faults.length);
  });

  it.each([
    ['maxSockets: 1', '6:15', /^delivery\.maxSockets must be >= 2 \(.*\)$/],
    ['maxAttempts: -1', '6:16', /^delivery\.maxAttempts must be >= 0 \(0 for no limit\)$/],
    ['retryBudget: { perSecond: 0 }', '6:29', /^delivery\.retryBudget\.perSecond must be >= 0\.01 \(.*\)$/],
    ['retryBudget: { burst: 0.5 }', '6:25', /^delivery\.retryBudget\.burst must be >= 1$/],
    ['breaker: { lanes: 2 }', '6:21', /^delivery\.breaker\.lanes is not known here; known are failures, timeouts, .*$/],
    ['adaptiveConcurrency: { decreaseRatio: 1 }', '6:41', /^delivery\.adaptiveConcurrency\.decreaseRatio must be < 1$/],
    ['adaptiveConcurrency: { latencyFactor: 1 }', '6:41', /^delivery\.adaptiveConcurrency\.latencyFactor must be > 1$/],
    ['poison: { share: 30 }', '6:20', /^delivery\.poison\.share must be <= 1 \(1 for never\)$/],
    [
      'rateLimits: { eventsPerAppPerMinute: 0 }',
      '6:40',
      /^delivery\.rateLimits\.eventsPerAppPerMinute must be >= 1 \(null for no limit\)$/,
    ],
    [
      'hostBreaker: { baseMs: 20000 }',
      '6:16',
      /^delivery\.hostBreaker\.maxMs must be at least delivery\.hostBreaker\.baseMs \(20000\)$/,
    ],
    [
      'poison: { atLeast: 500 }',
      '6:22',
      /^delivery\.poison\.atLeast must be at most delivery\.poison\.window \(200\)$/,
    ],
    ['maxSlowSockets: 256', '6:19', /^delivery\.maxSlowSockets must be less than delivery\.maxSockets \(256\), .*$/],
  ])('in delivery: %s are told with their place', (line, place, expected) => {
    const [fault = '', ...more] = faultsOf(read(`${minimal}delivery:\n  ${line}\n`));
    expect(more).toEqual([]);
    expect(fault).toMatch(new RegExp(`^config\\.yaml:${place}: `));
    expect(fault.replace(/^config\.yaml:\d+:\d+: /, '')).toMatch(expected);
  });

  it('name the second of two connections with the same id', () => {
    const text = `${minimal}  - id: web
    writeKey: key2
    appId: "1"
`;
    expect(faultsOf(read(text))).toEqual([
      'config.yaml:5:9: connections[1].id is the same as that of connections[0]; each connection needs its own',
    ]);
  });

  it('name the second of two connections with the same id also when something else is wrong with it', () => {
    const text = `${minimal}  - id: web
    writeKey: key2
    appId: "1"
    region: mars
`;
    expect([...faultsOf(read(text))].sort()).toEqual([
      'config.yaml:5:9: connections[1].id is the same as that of connections[0]; each connection needs its own',
      'config.yaml:8:13: connections[1].region must be one of "us","eu"',
    ]);
  });

  it.each([
    ['', ['config.yaml: the file must hold an object with "connections"']],
    ['[]', ['config.yaml: the file must hold an object with "connections"']],
    ['{}', ['config.yaml: connections is required']],
    ['connections: []', [expect.stringMatching(/^config\.yaml:1:14: connections must NOT have fewer than 1 items/)]],
    ['connections: [7]', ['config.yaml:1:15: connections[0] must be object']],
    ['connections: [null]', ['config.yaml:1:15: connections[0] must be object']],
  ])('in %j are told once', (text, faults) => {
    expect(faultsOf(read(text))).toEqual(faults);
  });

  it('that make it no YAML are told with their place', () => {
    const faults = faultsOf(read('connections:\n  - id: "web\n  - {\n'));
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toMatch(/^config\.yaml:\d+:\d+: is no YAML: /);
  });

  it.each([
    ['names an anchor that is not there', 'connections: *nowhere\n'],
    ['holds itself', 'connections: &all [ *all ]\n'],
    [
      'grows without bounds',
      `a: &a [${'x,'.repeat(9)}x]\n${['ab', 'bc', 'cd'].map(([from = '', to = '']) => `${to}: &${to} [${`*${from},`.repeat(9)}*${from}]\n`).join('')}connections: *d\n`,
    ],
  ])('are told, not thrown, where a file %s', (_name, text) => {
    const faults = faultsOf(read(text));
    expect(faults.length).toBeGreaterThan(0);
    for (const fault of faults) expect(fault).toMatch(/^config\.yaml/);
  });

  it('name a mapping that is no JSON, and one that is wrong in more than one way', () => {
    writeFileSync(join(folder, 'broken.json'), '{"events":');
    writeFileSync(
      join(folder, 'wrong.json'),
      '{"events":{"track":[{"operation":"track","fields":[{"destKey":"a","derived":"nobody"},{"destKey":"b"}]}]}}',
    );
    const text = `connections:
  - { id: a, writeKey: a, appId: "1", mapping: broken.json }
  - { id: b, writeKey: b, appId: "1", mapping: wrong.json }
`;
    const faults = faultsOf(read(text));
    expect(faults).toContainEqual(
      expect.stringMatching(/^config\.yaml:2:48: connections\[0\]\.mapping broken\.json: is not JSON/),
    );
    expect(faults.filter((fault) => fault.includes('wrong.json: ')).length).toBeGreaterThan(0);
  });

  it.each(['nowhere.yaml', '.'])('say that %s can not be read', (name) => {
    const result = readConfigFile(join(folder, name), {});
    expect(result).toEqual({ ok: false, faults: [expect.stringMatching(/: can not be read; does the file exist\?$/)] });
  });

  it('never show a write key', () => {
    const text = `connections:
  - { id: a, writeKey: "s3cret", appId: "1" }
  - { id: b, writeKey: "s3cret", appId: x, region: y }
`;
    expect(faultsOf(read(text)).join('\n')).not.toContain('s3cret');
  });
});
