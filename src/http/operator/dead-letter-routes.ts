import type { Express, Request } from 'express';

import { selectLetters, type LetterFilter } from '../../core/durable/select-letters.js';
import type { DeadLetters } from '../../core/store/store.js';
import { letterText } from './letter-answer.js';
import { filterNames, readLetterFilter } from './letter-filter.js';
import { addLetterOrderRoutes, type OperatedDeadLetters } from './letter-order-routes.js';
import { letterStatistics } from './letter-statistics.js';
import { queryOf, readLimit, readParameters, type Read } from './read-parameters.js';
import { refuse, storeRoute } from './store-route.js';
import { streamAnswer } from './stream-answer.js';

export type { OperatedDeadLetters };

export const deadLetterRoutes = [
  '/dead-letters',
  '/dead-letters/stats',
  '/dead-letters/export',
  '/dead-letters/:id',
  'POST /dead-letters/replay',
  'POST /dead-letters/discard',
] as const;

const defaultLimit = 50;
const maxLimit = 10_000;

/** Everything under `/dead-letters`. */
export function addDeadLetterRoutes(app: Express, operated: OperatedDeadLetters): void {
  const { letters, clock } = operated;
  app.get(
    '/dead-letters',
    storeRoute(async (request, response) => {
      const read = readListQuery(request, clock.now());
      if (!read.ok) refuse(response, 400, read.message);
      else await streamAnswer(response, 'application/json', listTexts(letters, read.value));
    }),
  );
  app.get(
    '/dead-letters/stats',
    storeRoute(async (_request, response) => {
      response.json(await letterStatistics(letters));
    }),
  );
  app.get(
    '/dead-letters/export',
    storeRoute(async (request, response) => {
      const values = readParameters(queryOf(request), filterNames);
      const read = values.ok ? readLetterFilter(values.value, clock.now()) : values;
      if (!read.ok) refuse(response, 400, read.message);
      else await streamAnswer(response, 'application/x-ndjson', lineTexts(letters, read.value));
    }),
  );
  app.get(
    '/dead-letters/:id',
    storeRoute<{ readonly id: string }>(async ({ params: { id } }, response) => {
      const letter = await letters.get(id);
      if (letter !== undefined) response.type('application/json').send(letterText(letter));
      else response.status(404).json({ status: 'unknown', message: `there is no dead letter ${id.slice(0, 64)}` });
    }),
  );
  addLetterOrderRoutes(app, operated);
}

interface ListQuery {
  readonly filter: LetterFilter;
  readonly after: string | undefined;
  readonly limit: number;
}

function readListQuery(request: Request, now: number): Read<ListQuery> {
  const values = readParameters(queryOf(request), [...filterNames, 'limit', 'after']);
  if (!values.ok) return values;
  const filter = readLetterFilter(values.value, now);
  if (!filter.ok) return filter;
  const limit = readLimit(values.value.get('limit'), defaultLimit, maxLimit);
  if (!limit.ok) return limit;
  return { ok: true, value: { filter: filter.value, after: values.value.get('after'), limit: limit.value } };
}

/** `{"letters": […], "next": id}`, the id that the next page comes after, or null. */
async function* listTexts(letters: DeadLetters, { filter, after, limit }: ListQuery): AsyncGenerator<string> {
  let last: string | undefined;
  let listed = 0;
  let hasMore = false;
  for await (const { id, letter } of selectLetters(letters, { filter, after }, limit + 1)) {
    if (listed === limit) {
      hasMore = true;
      break;
    }
    if (letter === undefined) continue;
    yield `${listed === 0 ? '{"letters":[' : ','}${letterText(letter)}`;
    listed += 1;
    last = id;
  }
  yield `${listed === 0 ? '{"letters":[' : ''}],"next":${JSON.stringify(hasMore ? last : null)}}`;
}

async function* lineTexts(letters: DeadLetters, filter: LetterFilter): AsyncGenerator<string> {
  for await (const { letter } of selectLetters(letters, { filter })) {
    if (letter !== undefined) yield `${letterText(letter)}\n`;
  }
}
