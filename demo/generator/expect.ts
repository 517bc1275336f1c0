import { connections, type ConnectionId } from '../connections.js';
import type { AppExpectation, Expectation, OperationCounts, Refusal } from '../expectation.js';
import { countEach, summarise, type HeapFacts } from '../heap-facts.js';
import { Ledger } from './ledger.js';
import type { StoryEvent, Write } from './story-event.js';

const operationOf: Readonly<Record<Write['kind'], keyof OperationCounts>> = {
  track: 'track',
  userProperties: 'addUserProperties',
  accountProperties: 'addAccountProperties',
  merge: 'identify',
};

/** What Heap should hold after all events, by app_id. */
export function expectedFacts(story: readonly StoryEvent[]): ReadonlyMap<string, HeapFacts> {
  return new Map(
    Object.entries(connections).map(([id, { appId }]) => {
      const ledger = new Ledger();
      for (const { connection, messageId, effect, isRepeat } of story) {
        if (connection !== id || effect.outcome !== 'delivered' || isRepeat) continue;
        for (const write of effect.writes) ledger.enter(messageId, write);
      }
      return [appId, ledger.facts()] as const;
    }),
  );
}

/** What the demo should come to, worked out from what the story's authors meant and not by the product. */
export function expectationOf(story: readonly StoryEvent[]): Expectation {
  const refused = story.flatMap(({ messageId, effect }): [string, Refusal][] =>
    effect.outcome === 'delivered' ? [] : [[messageId, effect]],
  );
  const delivered = story.flatMap(({ effect, isRepeat }) =>
    effect.outcome === 'delivered' && !isRepeat ? [effect] : [],
  );
  const facts = expectedFacts(story);
  const apps = Object.entries(connections).flatMap(([id, { appId }]): [string, AppExpectation][] => {
    const heap = facts.get(appId);
    const operations = operationsOf(story, id as ConnectionId);
    return heap === undefined ? [] : [[appId, { connection: id, operations, heap: summarise(heap) }]];
  });
  return {
    events: story.length,
    delivered: delivered.length,
    repeats: story.filter(({ isRepeat }) => isRepeat).length,
    refused: Object.fromEntries(refused),
    adjustments: countEach(delivered.flatMap((effect) => effect.adjustments)),
    apps: Object.fromEntries(apps),
  };
}

function operationsOf(story: readonly StoryEvent[], id: ConnectionId): OperationCounts {
  const counts = { track: 0, addUserProperties: 0, addAccountProperties: 0, identify: 0 };
  for (const { connection, effect, isRepeat } of story) {
    if (connection !== id || effect.outcome !== 'delivered' || isRepeat) continue;
    for (const { kind } of effect.writes) counts[operationOf[kind]] += 1;
  }
  return counts;
}
