import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Adjustments } from '../../../src/core/adjustments.js';
import { discardLetters } from '../../../src/core/durable/discard-letters.js';
import { replayLetters, type ReplayOptions, type ReplayVerdict } from '../../../src/core/durable/replay-letters.js';
import type { LetterRun } from '../../../src/core/durable/run-letters.js';
import type { LetterSelection } from '../../../src/core/durable/select-letters.js';
import { decodeStoredEvent, operationFingerprint } from '../../../src/core/durable/stored-event.js';
import { isJsonObject, type Json } from '../../../src/core/json/json.js';
import { StoreFull } from '../../../src/core/store/store-full.js';
import { StoreUnavailable } from '../../../src/core/store/store-unavailable.js';
import type { TransformResult } from '../../../src/core/transform-result.js';
import { letterOf, MemoryDeadLetters } from '../../support/memory-dead-letters.js';
import { laneTo, trackOf, userPropertiesOf } from '../../support/operations.js';

const now = Date.UTC(2026, 2, 11);
const everything: LetterSelection = { filter: {} };

/** What events ask to become: a track, or with traits two operations; `fate` spoils it. */
function transform(event: Json): TransformResult {
  const { userId, fate } = isJsonObject(event) ? event : {};
  if (fate === 'rejected') return { outcome: 'rejected', reason: 'identity_missing', detail: 'nobody' };
  if (fate === 'dropped') return { outcome: 'dropped', reason: 'nothing_to_send' };
  if (fate === 'fault') throw new Error('broken');
  const name = typeof userId === 'string' ? userId : '';
  return {
    outcome: 'mapped',
    operations: [userPropertiesOf(name, { plan: 'pro' }), trackOf(name, 'Paid')],
    adjustments: new Adjustments(),
  };
}

interface Replayed {
  readonly run: LetterRun;
  readonly verdicts: Readonly<Record<string, ReplayVerdict['type']>>;
  readonly whole: readonly ReplayVerdict[];
}

async function replay(
  letters: MemoryDeadLetters,
  selection: LetterSelection = everything,
  options: Partial<ReplayOptions> = {},
): Promise<Replayed> {
  const verdicts: Record<string, ReplayVerdict['type']> = {};
  const whole: ReplayVerdict[] = [];
  const run = await replayLetters(selection, {
    letters,
    connectionOf: (id) => (id === 'web' ? { lane: laneTo('22'), transform } : undefined),
    now: () => now,
    dryRun: false,
    limit: 1_000,
    onVerdict: (id, verdict) => {
      expect(verdicts).not.toHaveProperty([id]);
      verdicts[id] = verdict.type;
      whole.push(verdict);
    },
    ...options,
  });
  return { run, verdicts, whole };
}

function eventOf(fields: Readonly<Record<string, unknown>>): string {
  return JSON.stringify({ type: 'track', userId: 'ann', messageId: 'm', ...fields });
}

describe('a replay of dead letters', () => {
  it('puts each event back whole, into the lane that its connection has today, as if it came now', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2)]);
    const [first = '', second = ''] = letters.ids;
    const { run, verdicts } = await replay(letters);
    expect(verdicts).toEqual({ [first]: 'replayed', [second]: 'replayed' });
    expect(run).toEqual({ last: second, end: 'all' });
    expect(letters.ids).toEqual([]);
    expect(letters.requeued).toEqual([
      { lane: 'us:22', connection: 'web', receivedAt: now, events: [letterOf(1).event] },
      { lane: 'us:22', connection: 'web', receivedAt: now, events: [letterOf(2).event] },
    ]);
  });

  it('changes nothing in a dry run, and says what would be sent', async () => {
    const letters = new MemoryDeadLetters([letterOf(1)]);
    const { whole } = await replay(letters, everything, { dryRun: true });
    expect(whole).toEqual([
      { type: 'would_replay', operations: [userPropertiesOf('user 1', { plan: 'pro' }), trackOf('user 1', 'Paid')] },
    ]);
    expect([letters.ids.length, letters.requeued]).toEqual([1, []]);
  });

  it.each([
    ['rejected', { type: 'would_reject', reason: 'identity_missing', detail: 'nobody' }],
    ['dropped', { type: 'would_drop', reason: 'nothing_to_send' }],
    [
      'fault',
      {
        type: 'would_reject',
        reason: 'internal_error',
        detail: 'The service failed on this event; the fault is logged.',
      },
    ],
  ])('leaves a letter alone whose event would be met by: %s', async (fate, verdict) => {
    const letters = new MemoryDeadLetters([letterOf(1, { event: eventOf({ fate }) }), letterOf(2)]);
    const { whole } = await replay(letters);
    expect(whole).toEqual([verdict, { type: 'replayed' }]);
    expect(letters.ids).toHaveLength(1);
  });

  it('leaves letters alone whose connection is gone, or whose text is no JSON', async () => {
    const letters = new MemoryDeadLetters([letterOf(1, { connection: 'old' }), letterOf(2, { event: '{' })]);
    const { whole } = await replay(letters);
    expect(whole.map(({ type }) => type)).toEqual(['connection_missing', 'would_reject']);
    expect(letters.ids).toHaveLength(2);
  });

  it('leaves out what was delivered before the event was rejected', async () => {
    const properties = operationFingerprint(userPropertiesOf('user 1', { plan: 'pro' }));
    const letters = new MemoryDeadLetters([letterOf(1, { delivered: [properties] })]);
    const dry = await replay(letters, everything, { dryRun: true });
    expect(dry.whole).toEqual([{ type: 'would_replay', operations: [trackOf('user 1', 'Paid')] }]);
    await replay(letters);
    const [text = ''] = letters.requeued[0]?.events ?? [];
    expect(decodeStoredEvent(text)).toEqual({ event: letterOf(1).event, delivered: [properties] });
  });

  it('discards a letter of which everything was delivered, but not in a dry run', async () => {
    const delivered = [userPropertiesOf('user 1', { plan: 'pro' }), trackOf('user 1', 'Paid')].map(
      operationFingerprint,
    );
    const letters = new MemoryDeadLetters([letterOf(1, { delivered })]);
    expect((await replay(letters, everything, { dryRun: true })).whole).toEqual([{ type: 'delivered_already' }]);
    expect(letters.ids).toHaveLength(1);
    expect((await replay(letters)).whole).toEqual([{ type: 'delivered_already' }]);
    expect([letters.ids, letters.requeued]).toEqual([[], []]);
  });

  it('sends again what was delivered to another app than today’s', async () => {
    const delivered = [userPropertiesOf('user 1', { plan: 'pro' }, laneTo('33'))].map(operationFingerprint);
    const letters = new MemoryDeadLetters([letterOf(1, { delivered })]);
    const { whole } = await replay(letters, everything, { dryRun: true });
    expect(whole).toMatchObject([{ type: 'would_replay', operations: { length: 2 } }]);
  });

  it('takes the letters of a list in its order, each once, and says which are gone', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2), letterOf(3)]);
    const [first = '', second = '', third = ''] = letters.ids;
    const { verdicts } = await replay(letters, { ids: [third, 'nowhere', first, third] });
    expect(Object.entries(verdicts)).toEqual([
      [third, 'replayed'],
      ['nowhere', 'gone'],
      [first, 'replayed'],
    ]);
    expect(letters.ids).toEqual([second]);
  });

  it('says gone of a letter that somebody else put back meanwhile', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2)]);
    const [first = '', second = ''] = letters.ids;
    letters.requeue = () => Promise.resolve([second]);
    expect((await replay(letters)).verdicts).toEqual({ [first]: 'gone', [second]: 'replayed' });
  });

  it('stops when the store is full or away, and says how far it came', async () => {
    for (const [error, end] of [
      [new StoreFull(), 'full'],
      [new StoreUnavailable(), 'unavailable'],
    ] as const) {
      const letters = new MemoryDeadLetters(Array.from({ length: 120 }, (_, index) => letterOf(index)));
      const { ids } = letters;
      let calls = 0;
      letters.fail = (call) => {
        if (call !== 'requeue') return;
        calls += 1;
        if (calls === 2) throw error;
      };
      const { run, verdicts } = await replay(letters);
      expect(run).toEqual({ last: ids[49], end });
      expect(Object.keys(verdicts)).toEqual(ids.slice(0, 50));
      expect(letters.ids).toEqual(ids.slice(50));
    }
  });

  it('passes on what is no state of the store but a fault', async () => {
    const letters = new MemoryDeadLetters([letterOf(1)]);
    letters.fail = () => {
      throw new Error('broken');
    };
    await expect(replay(letters)).rejects.toThrow('broken');
  });

  it('goes through many letters in pages, and can be done in parts', async () => {
    const count = 5_000;
    const letters = new MemoryDeadLetters(
      Array.from({ length: count }, (_, index) =>
        letterOf(index, index % 10 === 0 ? { event: eventOf({ fate: 'rejected' }) } : {}),
      ),
    );
    const { ids } = letters;
    const first = await replay(letters, everything, { limit: 1_234 });
    expect(first.run).toEqual({ last: ids[1_233], end: 'limit' });
    const rest = await replay(letters, { filter: {}, after: first.run.last }, { limit: count });
    expect(rest.run).toEqual({ last: ids.at(-1), end: 'all' });
    expect(Object.keys(first.verdicts).length + Object.keys(rest.verdicts).length).toBe(count);
    expect(letters.requeued).toHaveLength((count * 9) / 10);
    expect(letters.ids).toHaveLength(count / 10);
    expect(letters.longestPage).toBeLessThanOrEqual(50);
  });

  it('has a verdict for each letter, and puts back exactly those it says', async () => {
    const anyLetter = fc.record({
      fate: fc.constantFrom('mapped', 'rejected', 'dropped', 'fault'),
      connection: fc.constantFrom('web', 'web', 'old'),
      lane: fc.constantFrom('us:11', 'eu:11', 'us:12'),
      reason: fc.constantFrom('heap_rejected', 'expired'),
    });
    const anyFilter = fc.record(
      {
        lane: fc.constantFrom('us:11', 'eu:11'),
        connection: fc.constantFrom('web', 'old'),
        reason: fc.constantFrom('heap_rejected', 'expired'),
        region: fc.constantFrom('us', 'eu'),
        appId: fc.constantFrom('11', '12', '1'),
      },
      { requiredKeys: [] },
    );
    await fc.assert(
      fc.asyncProperty(
        fc.array(anyLetter, { maxLength: 130, size: 'max' }),
        anyFilter,
        fc.boolean(),
        fc.integer({ min: 1, max: 140 }),
        async (rows, filter, dryRun, limit) => {
          const all = rows.map(({ fate, ...fields }, index) =>
            letterOf(index, { ...fields, event: eventOf({ fate }) }),
          );
          const letters = new MemoryDeadLetters(all);
          const before = letters.ids;
          const { verdicts, run } = await replay(letters, { filter }, { dryRun, limit });
          const { region, appId, ...plain } = filter;
          const wanted = all.filter(
            (letter) =>
              Object.entries(plain).every(([name, value]) => letter[name as 'lane'] === value) &&
              (region === undefined || letter.lane.split(':')[0] === region) &&
              (appId === undefined || letter.lane.split(':')[1] === appId),
          );
          expect(Object.keys(verdicts)).toHaveLength(Math.min(limit, wanted.length));
          expect(run.end).toBe(wanted.length > limit ? 'limit' : 'all');
          const put = Object.values(verdicts).filter((type) => type === 'replayed').length;
          expect(letters.requeued).toHaveLength(put);
          expect(letters.ids).toHaveLength(before.length - put);
          if (dryRun) expect(put).toBe(0);
          for (const [id, verdict] of Object.entries(verdicts)) {
            expect(letters.ids.includes(id)).toBe(verdict !== 'replayed');
          }
        },
      ),
      { numRuns: 60 },
    );
  });
});

describe('discarding dead letters', () => {
  it('removes those that are meant, and counts', async () => {
    const letters = new MemoryDeadLetters([letterOf(1), letterOf(2, { reason: 'expired' }), letterOf(3)]);
    const [first = '', second = '', third = ''] = letters.ids;
    const selection = { filter: { reason: 'heap_rejected' } };
    const dry = await discardLetters(selection, { letters, dryRun: true, limit: 10 });
    expect([dry, letters.ids.length]).toEqual([{ discarded: 2, gone: 0, last: third, end: 'all' }, 3]);
    const real = await discardLetters(selection, { letters, dryRun: false, limit: 1 });
    expect([real, letters.ids]).toEqual([{ discarded: 1, gone: 0, last: first, end: 'limit' }, [second, third]]);
    const ids = { ids: [first, second] };
    expect(await discardLetters(ids, { letters, dryRun: false, limit: 2 })).toMatchObject({ discarded: 1, gone: 1 });
    expect(letters.ids).toEqual([third]);
  });
});
