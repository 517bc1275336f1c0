import { readFileSync } from 'node:fs';

import { describe, expect, test } from '@jest/globals';
import { parse } from 'yaml';

import { connections } from '../../demo/connections.js';
import { generateFiles } from '../../demo/generate-events.js';
import { tellStory } from '../../demo/generator/story.js';
import type { StoryEvent, Write } from '../../demo/generator/story-event.js';

const committed = (name: string): string => readFileSync(new URL(`../../demo/${name}`, import.meta.url), 'utf8');

function writesOf({ effect }: StoryEvent): readonly Write[] {
  return effect.outcome === 'delivered' ? effect.writes : [];
}

/** Collects values under keys. */
function grouped<Value>(pairs: Iterable<readonly [string, Value]>): Map<string, Set<Value>> {
  const groups = new Map<string, Set<Value>>();
  for (const [key, value] of pairs) groups.set(key, (groups.get(key) ?? new Set<Value>()).add(value));
  return groups;
}

describe('the demo’s committed files', () => {
  test('are what the generator makes, byte for byte', () => {
    const { events, expected } = generateFiles();

    expect(events === committed('events.ndjson')).toBe(true);
    expect(expected).toBe(committed('expected.json'));
  });

  test('have the same connections in the configuration and in the generator', () => {
    const listed = Object.entries(connections).map(([id, { writeKey, appId }]) => ({ id, writeKey, appId }));

    expect(parse(committed('config.yaml'))).toEqual({ connections: listed });
  });
});

describe('the story', () => {
  const story = tellStory();

  test('uses a messageId twice only for events that are sent again', () => {
    const first = story.filter(({ isRepeat }) => !isRepeat).map(({ messageId }) => messageId);

    expect(new Set(first).size).toBe(first.length);
    expect(story.length - first.length).toBeGreaterThan(0);
    for (const { messageId, event } of story) expect(event.messageId).toBe(messageId);
  });

  test('is told in the order of time', () => {
    const times = story.map(({ at }) => at);

    expect(times).toEqual([...times].sort((a, b) => a - b));
  });

  test('stays within Heap’s limits for identities', () => {
    for (const id of ['web', 'mobile', 'server'] as const) {
      const own = story.filter(({ connection }) => connection === id);
      const merges = own.flatMap(writesOf).flatMap((write) => (write.kind === 'merge' ? [write] : []));
      const visitors = grouped(merges.map(({ identity, anonymousId }) => [identity, anonymousId]));
      const identities = grouped(merges.map(({ identity, anonymousId }) => [anonymousId, identity]));
      const propertyWrites = grouped(
        own.flatMap((entry) =>
          writesOf(entry).flatMap((write) =>
            write.kind === 'userProperties' ? [[write.identity, entry.messageId] as const] : [],
          ),
        ),
      );

      for (const { size } of visitors.values()) expect(size).toBeLessThanOrEqual(10);
      for (const { size } of identities.values()) expect(size).toBe(1);
      for (const { size } of propertyWrites.values()) expect(size).toBeLessThanOrEqual(25);
    }
  });

  test('changes an account by its owner’s events only, as different people’s events may overtake each other', () => {
    const changes = grouped(
      story.flatMap((entry) =>
        writesOf(entry).flatMap((write) =>
          write.kind !== 'accountProperties'
            ? []
            : Object.entries(write.properties).map(
                ([key, value]) =>
                  [
                    `${entry.connection} ${write.accountId} ${key}`,
                    `${JSON.stringify(entry.event.userId ?? entry.event.anonymousId)} ${JSON.stringify(value)}`,
                  ] as const,
              ),
        ),
      ),
    );

    for (const [key, written] of changes) {
      const speakers = new Set([...written].map((text) => text.split(' ')[0]));
      const values = new Set([...written].map((text) => text.slice(text.indexOf(' '))));
      expect([key, speakers.size === 1 || values.size === 1]).toEqual([key, true]);
    }
  });

  test('has events of every type, and refusals of ten reasons', () => {
    const types = new Set(story.filter(({ effect }) => effect.outcome === 'delivered').map(({ event }) => event.type));
    const refusals = new Set(story.flatMap(({ effect }) => (effect.outcome === 'delivered' ? [] : [effect.reason])));

    expect([...types].sort()).toEqual(['alias', 'group', 'identify', 'page', 'screen', 'track']);
    expect(refusals.size).toBe(10);
  });
});
