import { afterAll, afterEach, beforeAll, describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import type { Json } from '../../../src/core/json/json.js';
import { packageVersion } from '../../../src/service/package-version.js';
import { ask, rawConnection } from '../../support/http-client.js';
import { destinationOf, metadataOf } from '../../support/rudderstack.js';
import { runTransformer, type RunningTestTransformer } from '../../support/running-transformer.js';

const json = 'application/json; charset=utf-8';
const plain = 'text/plain; charset=utf-8';
const events = [
  { message: { type: 'track', userId: 'ann', event: 'E' }, metadata: metadataOf(1), destination: destinationOf() },
];

let transformer: RunningTestTransformer;

beforeAll(async () => {
  transformer = await runTransformer();
});

afterAll(async () => {
  await transformer.stop();
});

describe('the name in the path', () => {
  it.each(['heap', 'HEAP', 'Heap', '%20heap%20', '%68eap'])('is ours as %s', async (name) => {
    const answer = await transformer.post(`/v0/destinations/${name}`, events);
    expect([answer.status, answer.headers.apiversion]).toEqual([200, '2']);
    // In statTags it is always written in capitals.
    const failed = await transformer.post(`/v0/destinations/${name}`, [{ ...events[0], message: {} }]);
    expect(failed.json).toMatchObject([{ statTags: { destType: 'HEAP' } }]);
  });

  it.each(['v0', 'v1', 'V0', 'v2', 'cdk', '0'])('is ours in version %s', async (version) => {
    expect((await transformer.post(`/${version}/destinations/heap`, events)).status).toBe(200);
  });

  it.each<[string, string]>([
    ['am', 'am'],
    ['heap2', 'heap2'],
    ['Klaviyo', 'Klaviyo'],
    ['%22x%22', '"x"'],
    ['he%C3%A4p', 'heäp'],
    ['__proto__', '__proto__'],
  ])('%s is nobody here', async (path, name) => {
    for (const suffix of ['', '/proxy']) {
      const answer = await transformer.post(`/v0/destinations/${path}${suffix}`, events);
      expect([answer.status, answer.headers['content-type'], answer.headers.apiversion]).toEqual([
        404,
        json,
        undefined,
      ]);
      expect(answer.json).toEqual({ error: `Unknown destination: ${name}` });
    }
  });

  it('that nobody can read is not found', async () => {
    const answer = await transformer.post('/v0/destinations/%E0%A4%A', events);
    expect([answer.status, answer.text]).toEqual([404, 'Not Found']);
  });
});

describe('what is not there', () => {
  it.each<[string, string]>([
    ['GET', '/'],
    ['POST', '/'],
    ['GET', '/v0/destinations/heap'],
    ['PUT', '/v0/destinations/heap'],
    ['DELETE', '/v0/destinations/heap'],
    ['OPTIONS', '/v0/destinations/heap'],
    ['POST', '/v0/destinations'],
    ['POST', '/v0/destinations/heap/other'],
    ['POST', '/destinations/heap'],
    ['POST', '/v0/sources/heap'],
    ['GET', '/routerTransform'],
    ['PUT', '/batch'],
    ['GET', '/deleteUsers'],
    ['POST', '/features'],
    ['POST', '/health'],
    ['GET', '/metrics'],
    ['GET', '/docs'],
    ['GET', '/../../etc/passwd'],
  ])('%s %s is answered 404 in plain text', async (method, path) => {
    const answer = await ask(`${transformer.dataUrl}${path}`, { method });
    expect([answer.status, answer.text, answer.headers['content-type']]).toEqual([404, 'Not Found', plain]);
    expect(answer.headers.apiversion).toBeUndefined();
  });

  it('is on the operator port another thing', async () => {
    const answer = await ask(`${transformer.operatorUrl}/v0/destinations/heap`, { method: 'POST', body: '[]' });
    expect(answer.status).toBe(404);
  });
});

describe('GET', () => {
  let other: RunningTestTransformer | undefined;

  afterEach(async () => {
    await other?.stop();
    other = undefined;
  });

  it('/features tells what rudder-server may ask for, as text', async () => {
    const answer = await transformer.get('/features');
    expect([answer.status, answer.headers['content-type'], answer.headers.apiversion]).toEqual([200, plain, undefined]);
    expect(JSON.parse(answer.text)).toEqual({
      routerTransform: { HEAP: true },
      regulations: ['HEAP'],
      supportSourceTransformV1: true,
      supportTransformerProxyV1: true,
      upgradedToSourceTransformV2: true,
      supportDestTransformCompactedPayloadV1: true,
    });
  });

  it('/health says that it is up', async () => {
    const answer = await transformer.get('/health');
    expect([answer.status, answer.headers['content-type'], answer.headers.apiversion]).toEqual([200, json, undefined]);
    expect(answer.text).toBe('{"service":"UP"}');
  });

  it('/health, /buildVersion and /transformerBuildVersion name the build where there is one', async () => {
    other = await runTransformer({ buildVersion: '1.2.3', gitCommitSha: 'abc' });
    expect((await other.get('/health')).text).toBe('{"service":"UP","version":"1.2.3","gitCommitSha":"abc"}');
    expect((await other.get('/buildVersion')).text).toBe('1.2.3');
    expect((await other.get('/transformerBuildVersion')).text).toBe('1.2.3');
  });

  it('/buildVersion and /transformerBuildVersion say so where there is none', async () => {
    for (const path of ['/buildVersion', '/transformerBuildVersion']) {
      const { status, text, headers } = await transformer.get(path);
      expect([status, text, headers['content-type']]).toEqual([200, 'Version Info not found', plain]);
    }
  });

  it('/version tells the version of the package', async () => {
    const { status, text, headers } = await transformer.get('/version');
    expect([status, text, headers['content-type']]).toEqual([200, packageVersion, plain]);
  });
});

describe('whatever is asked', () => {
  /** Files of this service, stacks, and the names of errors that JavaScript throws. */
  const internals =
    /node_modules|node:|\.[jt]s\b|\bat .*:\d+:\d+|(?:Type|Range|Syntax|Reference)Error|\/work\b|\/src\/|\/dist\//;
  const paths = [
    '/v0/destinations/heap',
    '/routerTransform',
    '/batch',
    '/v1/destinations/x',
    '/deleteUsers',
    '/%',
    '/x',
  ];
  const body = fc.oneof(
    fc.constantFrom(
      '',
      '{',
      '[',
      '[{}]',
      '[null]',
      '{"destType":"heap"}',
      '{"destType":"heap","input":[{}]}',
      '[{"destType":"heap"}]',
    ),
    fc.json(),
    fc.string({ unit: 'binary' }),
  );

  it('no answer shows where it comes from', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom('GET', 'POST', 'PUT'),
        fc.constantFrom(...paths),
        body,
        fc.constantFrom('identity', 'identity', 'gzip', 'x'),
        async (method, path, text, encoding) => {
          const headers = { 'content-encoding': encoding };
          const answer = await ask(`${transformer.dataUrl}${path}`, { method, headers, body: text });
          expect(answer.text).not.toMatch(internals);
          expect(answer.headers['x-powered-by']).toBeUndefined();
        },
      ),
      { numRuns: 300 },
    );
    expect(transformer.log.filter(({ level }) => level === 'error')).toEqual([]);
  }, 60_000);

  it('what is no HTTP is answered 400, and the next request is taken', async () => {
    for (const bytes of ['nonsense\r\n\r\n', 'POST / HTTP/1.1\r\ncontent-length: x\r\n\r\n', '\0\r\n\r\n']) {
      const connection = await rawConnection(transformer.dataUrl);
      connection.write(bytes);
      expect(await connection.answer).toMatch(/^HTTP\/1\.1 400 /);
    }
    expect((await transformer.post('/v0/destinations/heap', events)).status).toBe(200);
  });

  it.each<[string, Json]>([
    ['a missing event', [null]],
    ['a destination that is none', [{ message: {}, metadata: {}, destination: 7 }]],
    ['a definition of another name', [{ ...events[0], destination: { ...destinationOf(), DestinationDefinition: 7 } }]],
  ])('%s is answered 200, with its fault beside it', async (_what, given) => {
    const answer = await transformer.post('/v0/destinations/heap', given);
    expect(answer.status).toBe(200);
    expect(answer.text).not.toMatch(internals);
  });
});
