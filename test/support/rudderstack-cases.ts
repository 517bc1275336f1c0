import { readFileSync } from 'node:fs';

import { isJsonArray, isJsonObject, type Json, type JsonObject } from '../../src/core/json/json.js';
import { findCases } from '../../src/destinations/heap/mapping-cases/mapping-case.js';
import { deliveryRequest, destinationOf, metadataOf, statTagsOf } from './rudderstack.js';
import { repositoryRoot } from './documentation.js';

/**
 * # The cases in test/__fixtures__/rudderstack
 *
 * One JSON file is one request to a transform and its whole answer:
 *
 * | member        | holds                                                                                        |
 * | ------------- | -------------------------------------------------------------------------------------------- |
 * | `description` | a sentence that no other case has                                                            |
 * | `request`     | the body, as it is posted; `requestText` holds the pieces of its text, where parsing would change it |
 * | `expected`    | the array that is answered, every member of it                                               |
 *
 * Most requests differ in their messages only. They are written short, and made whole before they are posted and compared:
 *
 * | member        | holds                                                                                        |
 * | ------------- | -------------------------------------------------------------------------------------------- |
 * | `events`      | the messages; event n has `jobId` n and the rest of what `metadataOf` says                   |
 * | `metadata`    | members that are added to the metadata of every event                                        |
 * | `config`      | the destination's `Config`; without it, the `appId` alone                                    |
 * | `destination` | other members of the destination                                                             |
 *
 * Such a case runs twice, posted plain and compacted. A router's case has `jobs` in the place of `events`: each
 * `{message, metadata?, to?}`, where `metadata` holds further members (`userId` is the message's, unless it is there) and
 * `to` names one of `destinations`, which holds a `Config` by destination ID; `dest-1` is always there.
 *
 * Entries of a short case may be short as well. Whatever members an entry has besides these stay in it:
 *
 * | member         | becomes                                                                                     |
 * | -------------- | ------------------------------------------------------------------------------------------- |
 * | `endpoint`, `json`, `userId?`, `headers?` | the whole `output` or `batchedRequest`, with `statusCode` 200; where `json` is an array, several of them |
 * | `error`        | `error`, with `statusCode` 400 and the usual `statTags`; nothing is added beside a `statusCode` |
 * | `of`           | the metadata of the event with this number; without it, of the event in the entry's place   |
 * | `jobs`         | the metadata of these jobs, and their destination                                           |
 */
export interface RudderCase {
  readonly name: string;
  readonly description: string;
  /** The same request in its forms. */
  readonly requests: readonly { readonly form: string; readonly text: string }[];
  readonly expected: Json;
}

export type CaseFolder = 'processor' | 'dynamic-config' | 'retl' | 'router';

export const processorFolders = ['processor', 'dynamic-config', 'retl'] as const;

export function rudderCases(folder: CaseFolder): readonly RudderCase[] {
  return findCases(`${repositoryRoot}test/__fixtures__/rudderstack/${folder}`).map(({ name, path }) => {
    const file = JSON.parse(readFileSync(path, 'utf8')) as CaseFile;
    const { description, expected } = file;
    if (file.requestText !== undefined) {
      return { name, description, requests: [{ form: 'as it is', text: file.requestText.join('') }], expected };
    }
    if (file.request !== undefined) {
      return { name, description, requests: [{ form: 'as it is', text: JSON.stringify(file.request) }], expected };
    }
    const whole = folder === 'router' ? routerCase(file) : processorCase(file);
    return { name, description, ...whole };
  });
}

interface CaseFile {
  readonly description: string;
  readonly request?: Json;
  readonly requestText?: readonly string[];
  readonly events?: readonly Json[];
  readonly metadata?: JsonObject;
  readonly config?: Json;
  readonly destination?: JsonObject;
  readonly jobs?: readonly { readonly message: Json; readonly metadata?: JsonObject; readonly to?: string }[];
  readonly destinations?: JsonObject;
  readonly expected: readonly JsonObject[];
}

type WholeCase = Pick<RudderCase, 'requests' | 'expected'>;

function processorCase({ events = [], metadata, config, destination, expected }: CaseFile): WholeCase {
  const whole = destinationOf(config, destination);
  const input = events.map((message, index) => ({ message, metadata: metadataOf(index + 1, metadata) }));
  return {
    requests: [
      { form: 'plain', text: JSON.stringify(input.map((event) => ({ ...event, destination: whole }))) },
      { form: 'compacted', text: JSON.stringify({ input, destinations: { 'dest-1': whole }, connections: {} }) },
    ],
    expected: expected.map((entry, index) => {
      const { of = index + 1, ...rest } = entry;
      return { metadata: input[Number(of) - 1]?.metadata ?? null, ...wholeEntry(rest, 'processor') };
    }),
  };
}

function routerCase({ jobs = [], destinations = {}, expected }: CaseFile): WholeCase {
  const all: Record<string, JsonObject> = { 'dest-1': destinationOf() };
  for (const [ID, config] of Object.entries(destinations)) {
    all[ID] = destinationOf(config, { ID, hasDynamicConfig: true });
  }
  const input = jobs.map(({ message, metadata, to = 'dest-1' }, index) => {
    const userId = isJsonObject(message) ? (message.userId ?? message.anonymousId ?? '') : '';
    const whole = metadataOf(index + 1, { destinationId: to, userId, ...metadata });
    return { event: { message, metadata: whole }, destination: all[to] ?? {} };
  });
  return {
    requests: [
      {
        form: 'plain',
        text: JSON.stringify({
          destType: 'heap',
          input: input.map(({ event, destination }) => ({ ...event, destination })),
        }),
      },
      {
        form: 'compacted',
        text: JSON.stringify({ destType: 'heap', input: input.map(({ event }) => event), destinations: all }),
      },
    ],
    expected: expected.map(({ jobs: numbers, ...rest }) => {
      const own = (isJsonArray(numbers) ? numbers : []).flatMap((number) => input[Number(number) - 1] ?? []);
      const destination = own[0]?.destination ?? {};
      return {
        metadata: own.map(({ event }) => event.metadata),
        batched: false,
        destination,
        ...wholeEntry(rest, 'router', { destinationId: destination.ID ?? '' }),
      };
    }),
  };
}

function wholeEntry(
  { endpoint, json, userId = '', headers = {}, ...rest }: JsonObject,
  feature: 'processor' | 'router',
  ids: JsonObject = { destinationId: 'dest-1' },
): JsonObject {
  if (typeof endpoint === 'string') {
    const request = (body: Json): JsonObject =>
      deliveryRequest(endpoint, body, userId, isJsonObject(headers) ? headers : {});
    const requests = isJsonArray(json) ? json.map((body) => request(body)) : request(json ?? null);
    return { [feature === 'processor' ? 'output' : 'batchedRequest']: requests, statusCode: 200, ...rest };
  }
  if (rest.statusCode !== undefined || rest.error === undefined) return rest;
  return { statusCode: 400, statTags: statTagsOf(feature, { ...ids, workspaceId: 'ws-1' }), ...rest };
}
