import { describe, expect, it } from '@jest/globals';

import { heapBaseUrls } from '../../src/destinations/heap/endpoints.js';
import type { Environment } from '../../src/service/read-config.js';
import { readTransformerConfig } from '../../src/service/read-transformer-config.js';
import { defaultTransformerConfig, type TransformerConfig } from '../../src/service/transformer-config.js';

function configOf(environment: Environment): TransformerConfig {
  const result = readTransformerConfig(environment);
  if (!result.ok) throw new Error(result.faults.join('\n'));
  return result.config;
}

function faultsOf(environment: Environment): readonly string[] {
  const result = readTransformerConfig(environment);
  return result.ok ? [] : result.faults;
}

/** Numbers of the environment: the setting, its lowest and highest value, and what a value of 1,234 becomes. */
const counts: readonly (readonly [string, keyof TransformerConfig, number, number])[] = [
  ['PORT', 'port', 0, 65_535],
  ['METRICS_PORT', 'operatorPort', 0, 65_535],
  ['PROXY_COALESCE_MS', 'coalesceMs', 0, 10_000],
  ['MAX_BODY_BYTES', 'maxBodyBytes', 1_000, 500_000_000],
  ['REQUEST_TIMEOUT_MS', 'requestTimeoutMs', 1, 600_000],
  ['MAX_CONCURRENT_REQUESTS', 'maxConcurrentRequests', 1, 100_000],
  ['MAX_BODY_BYTES_IN_FLIGHT', 'maxBodyBytesInFlight', 1_000, 4_000_000_000],
  ['REQUEST_TIMEOUT_IN_MS', 'proxyTimeoutMs', 1, 600_000],
  ['MAX_SOCKETS', 'maxSockets', 1, 10_000],
  ['MAX_BATCH_ITEMS', 'maxBatchItems', 1, 1_000],
  ['MAX_BATCH_BYTES', 'maxBatchBytes', 1_000, 100_000_000],
  ['DELETION_WAIT_MS', 'deletionWaitMs', 0, 600_000],
  ['SHUTDOWN_MS', 'shutdownMs', 0, 600_000],
];

/** What lets a single setting go to its ends without hurting another. */
const wide: Environment = { MAX_BODY_BYTES: '1000', MAX_BODY_BYTES_IN_FLIGHT: '4000000000' };

describe('the environment of the transformer', () => {
  it('needs nothing: everything has a default', () => {
    expect(configOf({})).toEqual({ ...defaultTransformerConfig, heapUrls: heapBaseUrls });
    expect(configOf({})).toMatchObject({
      port: 9090,
      operatorPort: 9091,
      maxHeapUsedRatio: 0.8,
      instanceName: 'localhost',
    });
  });

  it('that is empty or blank counts as absent', () => {
    const names = [
      ...counts.map(([name]) => name),
      'HOST',
      'HEAP_API_URL_US',
      'UPSTREAM_TRANSFORMER_URL',
      'HEAP_API_KEYS',
    ];
    const more = [
      'DELIVERY_ALLOWED_HOSTS',
      'INSTANCE_ID',
      'MAX_HEAP_USED_PERCENT',
      'transformer_build_version',
      'git_commit_sha',
    ];
    for (const blank of ['', '  ']) {
      expect(configOf(Object.fromEntries([...names, ...more].map((name) => [name, blank])))).toEqual(configOf({}));
    }
  });

  it('can not be changed once it is read', () => {
    expect(Object.isFrozen(configOf({}))).toBe(true);
  });

  it.each(counts)('%s is %s, from %i to %i', (name, key, min, max) => {
    for (const value of [min, max]) {
      expect(configOf({ ...wide, [name]: ` ${value} ` })[key]).toBe(value);
    }
    const fault = new RegExp(`^${name} must be a whole number from ${min} to ${max}, not "`);
    for (const odd of [
      String(max + 1),
      String(min - 1),
      'x',
      '1e3',
      '-5',
      '+5',
      '0x10',
      '1,000',
      '5 5',
      'NaN',
      'Infinity',
    ]) {
      expect([odd, faultsOf({ ...wide, [name]: odd })]).toEqual([odd, [expect.stringMatching(fault)]]);
    }
  });

  it.each(counts)('%s (%s) takes no fractions', (name, _key, min) => {
    expect(faultsOf({ ...wide, [name]: `${min + 1}.5` })).toHaveLength(1);
  });

  it('MAX_HEAP_USED_PERCENT becomes a share', () => {
    expect(configOf({ MAX_HEAP_USED_PERCENT: '90' }).maxHeapUsedRatio).toBe(0.9);
    for (const odd of ['0', '101', 'x', '62.5']) expect(faultsOf({ MAX_HEAP_USED_PERCENT: odd })).toHaveLength(1);
  });

  it('names who and where this is', () => {
    const named = { HOST: '::1', INSTANCE_ID: 'pod-7', transformer_build_version: '1.2.3', git_commit_sha: 'abc' };
    expect(configOf(named)).toMatchObject({
      host: '::1',
      instanceName: 'pod-7',
      buildVersion: '1.2.3',
      gitCommitSha: 'abc',
    });
  });

  it('names the hosts that the proxy may send to', () => {
    expect(configOf({ DELIVERY_ALLOWED_HOSTS: ' a.test, b.test:8080 ,,c ' }).allowedHosts).toEqual([
      'a.test',
      'b.test:8080',
      'c',
    ]);
  });
});

describe('a URL', () => {
  it('may be of Heap in each region and of the upstream; slashes at its end do not matter', () => {
    const config = configOf({
      HEAP_API_URL_US: 'http://127.0.0.1:9092/',
      HEAP_API_URL_EU: ' https://eu.test/heap// ',
      UPSTREAM_TRANSFORMER_URL: 'http://transformer:9090',
    });
    expect(config.heapUrls).toEqual({ us: 'http://127.0.0.1:9092', eu: 'https://eu.test/heap' });
    expect(config.upstreamUrl).toBe('http://transformer:9090');
  });

  it.each(['HEAP_API_URL_US', 'HEAP_API_URL_EU', 'UPSTREAM_TRANSFORMER_URL'])(
    '(%s) of another kind is a fault that does not quote it',
    (name) => {
      for (const odd of [
        'ftp://user:shh@x',
        'transformer:9090',
        'http://',
        'http://a b',
        '/heap',
        'file:///etc',
        'javascript:1',
        'http://user:shh@x',
        'http://x/?shh',
        'http://x/#shh',
      ]) {
        expect([odd, faultsOf({ [name]: odd })]).toEqual([
          odd,
          [`${name} must be http(s)://host, with or without a port and a path`],
        ]);
      }
    },
  );

  it.each<[string, Environment]>([
    ['http://localhost:9090', {}],
    ['http://127.0.0.1:7000/', { PORT: '7000' }],
    ['http://[::1]:9090', {}],
    ['http://LOCALHOST:9090', {}],
    ['http://0.0.0.0:9090', {}],
    ['http://localhost', { PORT: '80' }],
  ])('of this process (%s, %j) can not be the upstream', (url, environment) => {
    expect(faultsOf({ ...environment, UPSTREAM_TRANSFORMER_URL: url })).toEqual([
      'UPSTREAM_TRANSFORMER_URL is this process; it must be another transformer',
    ]);
  });

  it.each(['http://localhost:9191', 'http://transformer:9090', 'http://127.0.0.1'])(
    'of another process (%s) can be the upstream',
    (url) => {
      expect(configOf({ UPSTREAM_TRANSFORMER_URL: url }).upstreamUrl).toBe(url);
    },
  );
});

describe('the API keys', () => {
  it('are by app_id', () => {
    const keys = 'a key with spaces: and colons';
    expect(configOf({ HEAP_API_KEYS: `123:first, 456:${keys} ,` }).apiKeys).toEqual(
      new Map([
        ['123', 'first'],
        ['456', keys],
      ]),
    );
  });

  it.each(['shh', '123', '123:', ':shh', 'app:shh', '123:ok,shh-2', `${'1'.repeat(21)}:shh`, '123=shh'])(
    'that are no list of pairs are a fault that does not quote them',
    (text) => {
      const faults = faultsOf({ HEAP_API_KEYS: text });
      expect(faults).toEqual(['HEAP_API_KEYS must be a list of app_id:key, joined by commas']);
    },
  );
});

describe('faults', () => {
  it('are told all at once', () => {
    const odd = { PORT: 'x', MAX_SOCKETS: '0', HEAP_API_URL_EU: 'eu', HEAP_API_KEYS: 'shh', METRICS_PORT: '-1' };
    const faults = faultsOf(odd);
    expect(faults).toHaveLength(5);
    for (const name of Object.keys(odd)) expect(faults.some((fault) => fault.startsWith(`${name} must be`))).toBe(true);
    expect(faults.join()).not.toContain('shh');
  });

  it('may be of two settings together', () => {
    expect(faultsOf({ PORT: '7000', METRICS_PORT: '7000' })).toEqual([
      'PORT and METRICS_PORT must differ, not both be 7000',
    ]);
    expect(configOf({ PORT: '0', METRICS_PORT: '0' })).toMatchObject({ port: 0, operatorPort: 0 });
    expect(faultsOf({ MAX_BODY_BYTES: '5000', MAX_BODY_BYTES_IN_FLIGHT: '4999' })).toEqual([
      expect.stringMatching(/^MAX_BODY_BYTES_IN_FLIGHT must be at least MAX_BODY_BYTES/),
    ]);
    expect(configOf({ MAX_BODY_BYTES: '5000', MAX_BODY_BYTES_IN_FLIGHT: '5000' }).maxBodyBytes).toBe(5_000);
  });
});

describe('DELIVERY_ALLOWED_HOSTS', () => {
  it('lists hosts with and without a port', () => {
    const hosts = ['gateway.example', '127.0.0.1:19092', '[::1]:9092', 'localhost'];
    expect(configOf({ DELIVERY_ALLOWED_HOSTS: hosts.join(' , ') }).allowedHosts).toEqual(hosts);
  });

  it.each(['http://gateway.example', 'gateway.example/api', 'a b', 'user@gateway.example', 'gateway.example:x', 'a?b'])(
    'does not list %s',
    (odd) => {
      expect(faultsOf({ DELIVERY_ALLOWED_HOSTS: `localhost,${odd}` })).toEqual([
        `DELIVERY_ALLOWED_HOSTS lists host or host:port, not "${odd}"`,
      ]);
    },
  );
});
