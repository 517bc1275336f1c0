import type { Response } from 'express';

import { takeIn, type IncomingEvent } from '../../core/intake.js';
import { answerResults, refuse } from '../answer.js';
import type { ConnectionTransform, DataAppOptions } from './data-app-options.js';

/**
 * Takes the events in and answers when each is settled: 200 with a result for each; or 503 where some are not by then,
 * which asks the sender to send the request again.
 */
export async function settleEvents(
  events: readonly IncomingEvent[],
  transform: ConnectionTransform,
  response: Response,
  { intake, isStopping, onRefused }: DataAppOptions,
): Promise<void> {
  const results = await takeIn(events, transform, intake);
  if (isStopping()) response.setHeader('Connection', 'close');
  if (results.some((result) => result.outcome === 'pending')) {
    refuse(response, isStopping() ? 'shutting_down' : 'delivery_pending', onRefused, undefined, results);
    return;
  }
  answerResults(response, results);
}
