import type { Express, Request, Response } from 'express';

import type { Clock } from '../../core/clock.js';
import { discardLetters } from '../../core/durable/discard-letters.js';
import { replayLetters, type ReplayConnection, type ReplayVerdict } from '../../core/durable/replay-letters.js';
import type { LetterRun } from '../../core/durable/run-letters.js';
import { toIsoUtc } from '../../core/event/parse-time.js';
import type { DeadLetters } from '../../core/store/store.js';
import { readBody } from '../read-body.js';
import { isFromWebPage } from './is-from-web-page.js';
import { verdictAnswer } from './letter-answer.js';
import { readLetterOrder, type LetterOrder } from './letter-order.js';
import { fault } from './read-parameters.js';
import { refuse, storeRoute } from './store-route.js';

/** Dead letters, and what a replay of them needs. */
export interface OperatedDeadLetters {
  readonly letters: DeadLetters;
  readonly connectionOf: (id: string) => ReplayConnection | undefined;
  readonly clock: Clock;
}

const maxBodyBytes = 1024 * 1024;
/** Verdicts that an answer shows, and the bytes of JSON after which no more are. */
const maxVerdicts = 100;
const maxVerdictBytes = 1024 * 1024;

/** `POST /dead-letters/replay` and `POST /dead-letters/discard`. */
export function addLetterOrderRoutes(app: Express, operated: OperatedDeadLetters): void {
  const { letters, clock } = operated;
  app.post(
    '/dead-letters/replay',
    storeRoute(async (request, response) => {
      const order = await readOrder(request, response, clock.now());
      if (order !== undefined) await answerReplay(order, response, operated);
    }),
  );
  app.post(
    '/dead-letters/discard',
    storeRoute(async (request, response) => {
      const order = await readOrder(request, response, clock.now());
      if (order === undefined) return;
      const { discarded, gone, ...run } = await discardLetters(order.selection, { letters, ...order });
      answerRun(response, order, run, { dryRun: order.dryRun, discarded, gone });
    }),
  );
}

/** The order, or undefined where the request was refused. */
async function readOrder(request: Request, response: Response, now: number): Promise<LetterOrder | undefined> {
  if (isFromWebPage(request)) {
    refuse(response, 403, 'web pages may not replay or discard dead letters');
    return undefined;
  }
  const body = await readBody(request, maxBodyBytes);
  const read = body.ok ? readLetterOrder(body.text, now) : fault(body.message);
  if (read.ok) return read.value;
  refuse(response, 400, read.message);
  return undefined;
}

async function answerReplay(order: LetterOrder, response: Response, operated: OperatedDeadLetters): Promise<void> {
  const { letters, connectionOf, clock } = operated;
  const counts: Partial<Record<ReplayVerdict['type'], number>> = {};
  const verdicts: object[] = [];
  let bytes = 0;
  let more = 0;
  const run = await replayLetters(order.selection, {
    ...{ letters, connectionOf, dryRun: order.dryRun, limit: order.limit, now: () => clock.now() },
    onVerdict: (id, verdict, letter) => {
      counts[verdict.type] = (counts[verdict.type] ?? 0) + 1;
      if (verdicts.length === maxVerdicts || bytes > maxVerdictBytes) {
        more += 1;
        return;
      }
      verdicts.push(verdictAnswer(id, verdict, letter));
      if (verdict.type === 'would_replay') for (const operation of verdict.operations) bytes += operation.bytes;
    },
  });
  answerRun(response, order, run, { dryRun: order.dryRun, counts, verdicts, more });
}

/**
 * Ends with `next`, the id that the rest comes after, and with `until`, which the order for the rest has to name: letters
 * that were written meanwhile are not meant.
 */
function answerRun(response: Response, order: LetterOrder, { end, last }: LetterRun, answer: object): void {
  const before = 'after' in order.selection ? order.selection.after : undefined;
  const next = end === 'all' ? null : (last ?? before ?? null);
  const whole = { ...answer, next, until: toIsoUtc(order.until) };
  switch (end) {
    case 'all':
    case 'limit':
      response.json(whole);
      break;
    case 'full':
      response.status(503).json({ status: 'full', message: 'the store is full; this is how far it came', ...whole });
      break;
    case 'unavailable':
      response
        .status(503)
        .json({ status: 'unavailable', message: 'the store can not be reached; this is how far it came', ...whole });
      break;
  }
}
