import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals';
import { formatPath, type SchemaFault } from '../../../src/core/config/schema-faults.js';
import type { Json, JsonObject } from '../../../src/core/json/json.js';
import { defaultHeapSettings, type HeapConnection } from '../../../src/destinations/heap/connection.js';
import {
  findCases,
  runCase,
  updateCase,
  type CaseFile,
} from '../../../src/destinations/heap/mapping-cases/mapping-case.js';
import { readConnection } from '../../../src/destinations/heap/read-connection.js';

let folder: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'heap-destination-'));
});

afterEach(() => {
  rmSync(folder, { recursive: true });
});

function write(name: string, content: Json): string {
  const path = join(folder, name);
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, typeof content === 'string' ? content : JSON.stringify(content));
  return path;
}

function read(value: unknown): HeapConnection | readonly string[] {
  const faults: SchemaFault[] = [];
  const connection = readConnection(value, folder, faults);
  expect(connection === undefined).toBe(faults.length > 0);
  return connection ?? faults.map(({ path, message }) => `${formatPath(path)} ${message}`);
}

const ownMapping = {
  extends: 'heap',
  events: {
    track: [{ operation: 'track', extend: true, fields: [{ destKey: 'properties.plan', value: 'pro' }] }],
  },
};

describe('reading a connection', () => {
  it('fills in everything but the app id', () => {
    expect(read({ appId: '9000000101' })).toEqual({
      id: 'default',
      appId: '9000000101',
      region: 'us',
      preset: 'heap',
      settings: defaultHeapSettings,
    });
  });

  it('takes every setting, and keeps the write key out of what it makes', () => {
    const settings = {
      anonymousIdentity: 'heapUserId',
      placeholderIdentities: [],
      accountIdProperty: 'company',
      nestedObjects: 'bracket',
      arrays: 'join',
      joinWith: ' | ',
      booleans: 'native',
    };
    const connection = read({ id: 'web-1', appId: '1', region: 'eu', preset: 'heap', writeKey: 'secret', ...settings });
    expect(connection).toEqual({ id: 'web-1', appId: '1', region: 'eu', preset: 'heap', settings });
  });

  it('can not be changed afterwards', () => {
    const connection = read({ appId: '1' }) as HeapConnection;
    expect(Object.isFrozen(connection)).toBe(true);
    expect(Object.isFrozen(connection.settings)).toBe(true);
  });

  it.each<[Json, string]>([
    [null, ' must be object'],
    [[], ' must be object'],
    [{}, 'appId is required'],
    [{ appId: 9000000101 }, 'appId must be string (the Heap environment id, digits in quotes, such as "9000000101")'],
    [{ appId: '12a' }, 'appId must be the Heap environment id'],
    [{ appId: '' }, 'appId must be the Heap environment id'],
    [{ appId: '1'.repeat(21) }, 'appId must be the Heap environment id'],
    [{ appId: '1', appID: '2' }, 'appID is not known here; known are id, writeKey, appId, region,'],
    [{ appId: '1', id: 'a b' }, 'id must be a short name'],
    [{ appId: '1', region: 'EU' }, 'region must be one of "us","eu"'],
    [{ appId: '1', preset: 'segment' }, 'preset must be one of "heap","rudderstack"'],
    [{ appId: '1', writeKey: '' }, 'writeKey must be the key'],
    [{ appId: '1', mapping: 1 }, 'mapping must be string,object (a mapping, or the path of a mapping file'],
    [
      { appId: '1', anonymousIdentity: 'keep' },
      'anonymousIdentity must be one of "hash","heapUserId","identity","reject"',
    ],
    [{ appId: '1', placeholderIdentities: [0] }, 'placeholderIdentities[0] must be string'],
    [{ appId: '1', nestedObjects: 'flat' }, 'nestedObjects must be one of "dot","bracket","stringify","drop"'],
    [{ appId: '1', arrays: 'csv' }, 'arrays must be one of "list","index","join","stringify","drop"'],
    [{ appId: '1', joinWith: 1 }, 'joinWith must be string'],
    [{ appId: '1', booleans: true }, 'booleans must be one of "string","native"'],
    [{ appId: '1', accountIdProperty: '' }, 'accountIdProperty must'],
    [{ appId: '1', accountIdProperty: 'ID' }, 'accountIdProperty must'],
  ])('of %j says what would be right', (value, message) => {
    const faults = read(value) as readonly string[];
    expect(faults).toHaveLength(1);
    expect(faults[0]).toContain(message);
  });

  it.each(['   ', '\t', '\0', 'a\0b', '\ud800'])(
    'refuses %j as the Account ID property, which Heap would never get under that name',
    (accountIdProperty) => {
      expect(read({ appId: '1', accountIdProperty })).toEqual([expect.stringContaining('accountIdProperty')]);
    },
  );

  it('says all that is wrong at once', () => {
    expect(read({ region: 'mars', arrays: 1, extra: true })).toHaveLength(4);
  });

  it('takes a mapping from a file beside it', () => {
    write('mappings/own.json', ownMapping);
    expect(read({ appId: '1', mapping: 'mappings/own.json' })).toMatchObject({ mapping: ownMapping });
    expect(read({ appId: '1', mapping: ownMapping })).toMatchObject({ mapping: ownMapping });
  });

  it('names the file of a mapping that is wrong, and the place in it', () => {
    write('text.json', '{ "events": ');
    write('schema.json', { events: { track: [{ operation: 'track', fields: [{ value: 1 }] }] } });
    write('rule.json', { events: { track: [{ operation: 'sing', fields: [{ destKey: 'x', derived: 'mood' }] }] } });
    expect(read({ appId: '1', mapping: 'text.json' })).toEqual([
      expect.stringContaining('mapping text.json: is not JSON'),
    ]);
    expect(read({ appId: '1', mapping: 'gone.json' })).toEqual([
      'mapping gone.json: can not be read; does the file exist?',
    ]);
    expect(read({ appId: '1', mapping: 'schema.json' })).toEqual([
      'mapping schema.json: events.track[0].fields[0].destKey is required',
    ]);
    expect(read({ appId: '1', mapping: 'rule.json' })).toEqual([
      expect.stringContaining('mapping rule.json: events.track[0].operation: "sing" is no operation'),
      expect.stringContaining('mapping rule.json: events.track[0].fields[0] (x): derived "mood" is unknown'),
    ]);
  });
});

const event = { type: 'track', userId: 'ada', event: 'Order', messageId: 'm-1' };
const item = { identity: 'ada', event: 'Order', idempotency_key: 'm-1' };
const operations = [{ kind: 'track', item }];

function caseFile(content: Json, name = 'case.json'): CaseFile {
  return { name, path: write(name, content) };
}

describe('a mapping case', () => {
  it('passes when the event becomes what was expected, in any order of members', () => {
    const reversed = Object.fromEntries(Object.entries(item).reverse());
    const file = caseFile({
      description: 'An order.',
      event,
      expected: { operations: [{ kind: 'track', item: reversed }] },
    });
    expect(runCase(file)).toMatchObject({ description: 'An order.', passed: true, actual: { operations } });
  });

  it.each<[string, Json]>([
    ['another value', { operations: [{ kind: 'track', item: { ...item, event: 'Orders' } }] }],
    ['another kind', { operations: [{ kind: 'identify', item }] }],
    ['a member more', { operations: [{ kind: 'track', item: { ...item, user_id: '1' } }] }],
    ['an operation more', { operations: [...operations, ...operations] }],
    ['an adjustment', { operations, adjustments: ['value_truncated'] }],
    ['a reason', { reason: 'identity_missing' }],
    ['nothing', {}],
  ])('fails when %s was expected', (_name, expected) => {
    expect(runCase(caseFile({ description: 'An order.', event, expected })).passed).toBe(false);
  });

  it('fails when it expects no adjustment and there is one', () => {
    const { messageId: _messageId, ...rest } = event;
    const { idempotency_key: _key, ...left } = item;
    const report = runCase(
      caseFile({ description: 'x', event: rest, expected: { operations: [{ kind: 'track', item: left }] } }),
    );
    expect(report).toMatchObject({ passed: false, actual: { adjustments: ['idempotency_key_missing'] } });
  });

  it('passes for the reason that the event is refused for', () => {
    const refused = caseFile({ description: 'x', event: { type: 'track' }, expected: { reason: 'identity_missing' } });
    expect(runCase(refused)).toMatchObject({ passed: true, actual: { reason: 'identity_missing' } });
  });

  it('lays its own configuration over the one it is run with', () => {
    const file = (config: JsonObject): CaseFile =>
      caseFile({ description: 'x', config, event: { ...event, properties: { a: true } }, expected: {} });
    const properties = (config: JsonObject, common: JsonObject): unknown => {
      const { actual } = runCase(file(config), common);
      return 'operations' in actual ? actual.operations[0]?.item.properties : actual;
    };
    expect(properties({}, {})).toEqual({ a: 'true' });
    expect(properties({}, { booleans: 'native' })).toEqual({ a: true });
    expect(properties({ booleans: 'string' }, { booleans: 'native' })).toEqual({ a: 'true' });
  });

  it('finds the mapping of its configuration beside its own file', () => {
    write('nested/own.json', ownMapping);
    const file = caseFile(
      { description: 'x', config: { mapping: 'own.json' }, event, expected: {} },
      'nested/case.json',
    );
    expect(runCase(file).actual).toEqual({
      operations: [{ kind: 'track', item: { ...item, properties: { plan: 'pro' } } }],
    });
  });

  it.each<[string, Json, string]>([
    ['no JSON', '{', 'case.json is not JSON'],
    ['no object', [], 'case.json is no case'],
    ['no event', { description: 'x', expected: {} }, 'case.json is no case'],
    ['no description', { event, expected: {} }, 'case.json is no case'],
    [
      'a wrong configuration',
      { description: 'x', event, expected: {}, config: { region: 1 } },
      'case.json: config.region must',
    ],
  ])('with %s is refused with its name', (_name, content, message) => {
    expect(() => runCase(caseFile(content))).toThrow(message);
  });

  it('without an expected result has not passed', () => {
    expect(runCase(caseFile({ description: 'x', event }))).toMatchObject({ passed: false, expected: undefined });
  });

  it('can be updated to what the mapping makes today, and then passes', () => {
    const file = caseFile({
      description: 'An order.',
      config: { booleans: 'native' },
      event,
      expected: { reason: 'x' },
    });
    const report = runCase(file);
    expect(report.passed).toBe(false);
    updateCase(file, report.actual);
    expect(runCase(file).passed).toBe(true);
    const text = readFileSync(file.path, 'utf8');
    expect(JSON.parse(text)).toEqual({
      description: 'An order.',
      config: { booleans: 'native' },
      event,
      expected: { operations },
    });
    expect(text.endsWith('}\n')).toBe(true);
  });

  it('is any JSON file below a folder, sorted by name, unless its name or a folder begins with _', () => {
    for (const name of ['b.json', 'a/c.json', 'a/_d.json', '_shared/e.json', 'f.txt', 'a/b/g.json']) write(name, {});
    expect(findCases(folder)).toEqual(
      ['a/b/g.json', 'a/c.json', 'b.json'].map((name) => ({ name, path: join(folder, name) })),
    );
  });
});
