import type { Express, Response } from 'express';

import type { DeliveryLog, LoggedEvent } from '../../core/durable/delivery-log.js';
import { shownText } from '../../core/durable/logged-event.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import type { DeadLetter } from '../../core/store/dead-letter.js';
import type { DeadLetters } from '../../core/store/store.js';
import { heapBaseUrls } from '../../destinations/heap/endpoints.js';
import { eventSummary, letterSummary, letterType } from './event-summary.js';
import { letterText } from './letter-answer.js';
import { fault, queryOf, readLimit, readParameters, type Read } from './read-parameters.js';
import { refuse, storeRoute } from './store-route.js';

/** Where a person looks for one event; at least one of the two. */
export interface TracedEvents {
  readonly log: DeliveryLog | undefined;
  readonly letters: DeadLetters | undefined;
}

export const eventRoutes = ['/events', '/events/:messageId'] as const;

const defaultLimit = 20;
const maxLimit = 1_000;
/** Dead letters with one messageId that are shown. */
const maxLetters = 10;

/** `GET /events/:messageId` and `GET /events?identity=`: what became of an event. */
export function addEventRoutes(app: Express, { log, letters }: TracedEvents): void {
  app.get(
    '/events/:messageId',
    storeRoute<{ readonly messageId: string }>(async ({ params: { messageId } }, response) => {
      const events = log?.find({ messageId }, defaultLimit) ?? [];
      const found = (await letters?.list({ messageId }, undefined, maxLetters)) ?? [];
      answerEvents(response, events, letters === undefined ? undefined : found, summaryOf(events, found, letters));
    }),
  );
  app.get(
    '/events',
    storeRoute(async (request, response) => {
      const read = readQuery(queryOf(request));
      if (!read.ok) {
        refuse(response, 400, read.message);
        return;
      }
      const { identity, lanes, limit } = read.value;
      const events = lanes
        .flatMap((lane) => log?.find({ identity, ...(lane === undefined ? {} : { lane }) }, limit) ?? [])
        .sort((one, other) => other.sequence - one.sequence)
        .slice(0, limit);
      const found = letters === undefined ? undefined : await lettersOf(events, letters);
      answerEvents(response, events, found, summaryOf(events, found ?? [], letters));
    }),
  );
}

interface EventsQuery {
  readonly identity: string;
  /** Undefined is any. */
  readonly lanes: readonly (string | undefined)[];
  readonly limit: number;
}

function readQuery(query: URLSearchParams): Read<EventsQuery> {
  const values = readParameters(query, ['identity', 'app_id', 'limit']);
  if (!values.ok) return values;
  const identity = values.value.get('identity');
  if (identity === undefined) return fault('say whose events: ?identity=, or one event: /events/{messageId}');
  const limit = readLimit(values.value.get('limit'), defaultLimit, maxLimit);
  if (!limit.ok) return limit;
  const appId = values.value.get('app_id');
  const lanes = appId === undefined ? [undefined] : Object.keys(heapBaseUrls).map((region) => `${region}:${appId}`);
  return { ok: true, value: { identity, lanes, limit: limit.value } };
}

/** The dead letters of events that were rejected, as far as they are there: those of the last minutes, not of ever. */
async function lettersOf(events: readonly LoggedEvent[], letters: DeadLetters): Promise<readonly DeadLetter[]> {
  const found = new Map<string, DeadLetter>();
  for (const { outcome, messageId, settledAt, lane } of events.slice(0, maxLetters)) {
    if (outcome.type !== 'rejected' || settledAt === undefined || messageId === '') continue;
    // A letter is dated when it is written, a moment before or after; the store finds it by its time.
    const times = { since: settledAt - letterSlackMs, until: settledAt + letterSlackMs };
    for (const letter of await letters.list({ messageId, lane, ...times }, undefined, 1)) found.set(letter.id, letter);
  }
  return [...found.values()];
}

const letterSlackMs = 60_000;

function answerEvents(
  response: Response,
  events: readonly LoggedEvent[],
  letters: readonly DeadLetter[] | undefined,
  summary: string,
): void {
  const isKnown = events.length > 0 || (letters ?? []).length > 0;
  const shown = events.map((event) =>
    eventAnswer(event, letters === undefined ? 'none kept' : letterOf(event, letters)),
  );
  const fields = { ...(isKnown ? {} : { status: 'unknown' }), summary, events: shown };
  const letterTexts = (letters ?? []).map(letterText).join(',');
  response
    .status(isKnown ? 200 : 404)
    .type('application/json')
    .send(`${JSON.stringify(fields).slice(0, -1)},"deadLetters":[${letterTexts}]}`);
}

function eventAnswer(event: LoggedEvent, letter: DeadLetter | undefined | 'none kept'): object {
  const { messageId, type, connection, lane, receivedAt, outcome, settledAt, attemptsInAll } = event;
  const operations = event.operations.map((operation) => {
    const { text, isCut } = shownText(operation);
    const about = { kind: operation.kind, keys: operation.keys };
    return isCut
      ? { ...about, itemStart: text, bytes: operation.bytes }
      : { ...about, item: JSON.parse(text) as unknown };
  });
  const { type: name, ...why } = outcome;
  return {
    ...{ messageId, type, connection, lane, receivedAt: toIsoUtc(receivedAt) },
    ...{ outcome: name, ...why, settledAt: settledAt === undefined ? null : toIsoUtc(settledAt) },
    ...{ summary: eventSummary(event, letter), operations, attemptsInAll },
    attempts: event.attempts.map((attempt) => ({ ...attempt, at: toIsoUtc(attempt.at) })),
  };
}

/** One sentence for each event of a type and a connection, the newest, and for each letter that none of them speaks of. */
function summaryOf(
  events: readonly LoggedEvent[],
  found: readonly DeadLetter[],
  letters: DeadLetters | undefined,
): string {
  const newest = new Map<string, LoggedEvent>();
  for (const event of events) {
    const key = `${event.messageId} ${event.type} ${event.connection}`;
    if (!newest.has(key)) newest.set(key, event);
  }
  const told = new Set<string>();
  const sentences = [...newest.values()].map((event) => {
    const letter = letters === undefined ? 'none kept' : letterOf(event, found);
    if (letter !== undefined && letter !== 'none kept') told.add(letter.id);
    return { about: `${event.type} ${event.messageId} of ${event.connection}`, text: eventSummary(event, letter) };
  });
  for (const letter of found) {
    if (told.has(letter.id)) continue;
    const about = `${letterType(letter)} ${letter.messageId} of ${letter.connection}`;
    sentences.push({ about, text: letterSummary(letter) });
  }
  const [only, ...others] = sentences;
  if (only === undefined) return unknownSummary(letters !== undefined);
  return others.length === 0 ? only.text : sentences.map(({ about, text }) => `${about}: ${text}`).join('\n');
}

function letterOf(event: LoggedEvent, letters: readonly DeadLetter[]): DeadLetter | undefined {
  if (event.outcome.type !== 'rejected') return undefined;
  const { reason } = event.outcome;
  return letters.findLast(
    (letter) =>
      letter.messageId === event.messageId &&
      letter.connection === event.connection &&
      letter.reason === reason &&
      letterType(letter) === event.type,
  );
}

function unknownSummary(hasLetters: boolean): string {
  const log = 'not known here: it is not among the last events that this process remembers since it was started';
  return hasLetters ? `${log}, and no dead letter is of it` : log;
}
