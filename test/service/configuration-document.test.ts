import { readFileSync } from 'node:fs';

import { describe, expect, it } from '@jest/globals';

import { defaultDeliveryConfig } from '../../src/service/delivery-config.js';
import { defaultBatchingConfig, defaultServerConfig } from '../../src/service/service-config.js';
import { defaultStoreConfig, durableBacklog } from '../../src/service/store-config.js';
import { repositoryRoot } from '../support/documentation.js';

interface Schema {
  readonly properties?: Readonly<Record<string, Schema>>;
}

const schema = JSON.parse(readFileSync(`${repositoryRoot}src/service/service-config.schema.json`, 'utf8')) as Schema;
const document = readFileSync(`${repositoryRoot}docs/configuration.md`, 'utf8');

/** The settings of a section of the file, its groups apart: `delivery`, `delivery.breaker` … */
function sections(path: string, { properties = {} }: Schema): readonly (readonly [string, readonly string[]])[] {
  const entries = Object.entries(properties);
  const own = entries.filter(([, { properties: inner }]) => inner === undefined).map(([key]) => key);
  const groups = entries.filter(([, { properties: inner }]) => inner !== undefined);
  return [[path, own], ...groups.flatMap(([key, group]) => sections(`${path}.${key}`, group))];
}

/** Key and default of each row of the table below a heading. */
function documented(path: string): readonly (readonly [string, string])[] {
  const [, text = ''] = document.split(new RegExp(`^#+ \`${path.replaceAll('.', '\\.')}\`$`, 'm'));
  const [below = ''] = text.split(/^#+ /m);
  return [...below.matchAll(/^\| `([^`]+)` +\| ([^|]+) \|/gm)].map(([, key = '', value = '']) => [key, value.trim()]);
}

/** `4,194,304`, `604,800,000 (7 days)` and `` `0.0.0.0` `` as they stand in the code. */
function plain(shown: string): string {
  return shown
    .replace(/ \(.*\)$/, '')
    .replaceAll('`', '')
    .replaceAll(/(\d),(?=\d{3})/g, '$1');
}

/** The groups of settings in a section, by their paths. */
function groupsOf(path: string, section: object): Readonly<Record<string, object>> {
  return Object.fromEntries(
    Object.entries(section).flatMap(([key, value]: readonly [string, unknown]) =>
      typeof value === 'object' && value !== null ? [[`${path}.${key}`, value]] : [],
    ),
  );
}

const defaults: Readonly<Record<string, object>> = {
  server: defaultServerConfig,
  batching: defaultBatchingConfig,
  delivery: defaultDeliveryConfig,
  ...groupsOf('delivery', defaultDeliveryConfig),
  // Where events wait has no default in the file: it follows from the environment.
  store: { ...defaultStoreConfig, dataDir: 'see below', databaseUrl: 'none' },
  ...groupsOf('store', defaultStoreConfig),
};

describe('docs/configuration.md', () => {
  const all = ['server', 'batching', 'delivery', 'store'].flatMap((name) =>
    sections(name, schema.properties?.[name] ?? {}),
  );

  it('is about thirteen sections', () => {
    expect(all.map(([path]) => path)).toHaveLength(13);
  });

  it('names the smaller bounds of what is in memory where there is a store', () => {
    const rows = Object.entries(durableBacklog).map(([key, value]) => [key, value.toLocaleString('en-US')] as const);
    for (const [key, shown] of rows) {
      const [row = ''] = new RegExp(`^\\| \`${key}\`.*$`, 'm').exec(document) ?? [];
      expect(row).toContain(`${shown} `);
    }
  });

  it.each(all)('lists the settings of %s with their defaults, no more and no fewer', (path, keys) => {
    const values = new Map(Object.entries(defaults[path] ?? {}) as (readonly [string, unknown])[]);
    const expected = keys.map((key) => [key, String(values.get(key))]);
    expect(
      documented(path)
        .map(([key, shown]) => [key, plain(shown)])
        .sort(),
    ).toEqual(expected.sort());
  });
});
