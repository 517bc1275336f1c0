import type { Response } from 'express';

import type { CompiledConnection } from '../../core/compiled-connection.js';
import type { EventResult, IncomingEvent } from '../../core/intake.js';
import { StoreFull } from '../../core/store/store-full.js';
import { StoreUnavailable } from '../../core/store/store-unavailable.js';
import { answerResults, refuse } from '../answer.js';
import type { DataAppOptions } from './data-app-options.js';

/**
 * Takes the events in and answers when each is stored or settled: 200 with a result for each; or 503 where some are not,
 * which asks the sender to send the request again.
 */
export async function settleEvents(
  events: readonly IncomingEvent[],
  connection: CompiledConnection,
  response: Response,
  { intake, isStopping, onRefused }: DataAppOptions,
): Promise<void> {
  let results: readonly EventResult[];
  try {
    results = await intake.takeIn(events, connection);
  } catch (error) {
    if (error instanceof StoreFull) refuse(response, 'backlog_full', onRefused);
    else if (error instanceof StoreUnavailable) refuse(response, 'store_unavailable', onRefused);
    else throw error;
    return;
  }
  if (isStopping()) response.setHeader('Connection', 'close');
  if (results.some((result) => result.outcome === 'pending')) {
    refuse(response, isStopping() ? 'shutting_down' : 'delivery_pending', onRefused, undefined, results);
    return;
  }
  answerResults(response, results);
}
