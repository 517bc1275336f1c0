import { expect } from '@jest/globals';
import fc from 'fast-check';

import type { NewDeadLetter } from '../../../src/core/store/dead-letter.js';
import { LaneLost } from '../../../src/core/store/lane-lost.js';
import { chunk } from './new-rows.js';
import { StoreModel, written, type Handover } from './store-model.js';
import { stepOf, type Call, type Step } from './store-steps.js';
import { everything, StoreUser, type StoreHarness } from './store-user.js';

interface Claim extends Handover {
  readonly lane: string;
}

/** What the store said of each lane it handed over, and what it had to say. */
interface Claims {
  readonly said: Claim[];
  readonly expected: Claim[];
}

/** A store and its model, which are told the same. */
class Comparison {
  readonly #user: StoreUser;
  readonly #model: StoreModel;
  readonly #claims: Claims;

  private constructor(user: StoreUser, model: StoreModel, claims: Claims) {
    this.#user = user;
    this.#model = model;
    this.#claims = claims;
  }

  static async start(harness: StoreHarness): Promise<Comparison> {
    const model = new StoreModel();
    const claims: Claims = { said: [], expected: [] };
    const user = await StoreUser.start(harness, (claimed) => {
      const { lane, memo, wasReleased } = claimed;
      claims.said.push({ lane, memo: memo?.text, wasReleased });
      claims.expected.push({ lane, ...model.claim(claimed) });
    });
    return new Comparison(user, model, claims);
  }

  end(): Promise<void> {
    return this.#user.end();
  }

  async take(step: Step): Promise<void> {
    switch (step.type) {
      case 'calls':
        await Promise.all(withLettersAlike(step.calls).map((call) => this.#make(call)));
        return;
      case 'removeLetters':
        return this.#removeLetters(step.picks);
      case 'requeue':
        return this.#requeue(step);
      case 'release':
        return this.#release(step);
      case 'reopen':
        return this.#user.reopen(step.left);
    }
  }

  async expectAgreement(from: number, maxBytes: number): Promise<void> {
    const model = this.#model;
    expect(await this.#user.backlog()).toEqual(model.backlog());
    for (const lane of model.lanes) {
      const open = model.open(lane);
      const claimed = open.length === 0 ? this.#user.holder.held(lane) : await this.#user.lane(lane);
      if (claimed === undefined) continue;
      expect(claimed.mayBegin()).toBe(true);
      expect(await claimed.read(0, everything)).toEqual(open);
      const start = open[from % Math.max(1, open.length)]?.sequence ?? 0;
      const expected = open.filter(({ sequence }) => sequence >= start);
      const some = await claimed.read(start, maxBytes);
      expect(some).toEqual(expected.slice(0, some.length));
      const sizes = some.map(({ events }) => events.reduce((bytes, { text }) => bytes + Buffer.byteLength(text), 0));
      if (expected.length > 0) expect(some.length).toBeGreaterThan(0);
      expect(sizes.slice(0, -1).reduce((sum, bytes) => sum + bytes, 0)).toBeLessThan(maxBytes);
    }
    const { deadLetters } = this.#user.store;
    const letters = await deadLetters.list({}, undefined, 100);
    expect(written(letters)).toEqual(model.letters());
    expect(await deadLetters.stats()).toMatchObject({ letters: letters.length, oldestAt: letters[0]?.rejectedAt });
    expect(this.#claims.said).toEqual(this.#claims.expected);
  }

  async #make(call: Call): Promise<void> {
    const model = this.#model;
    switch (call.type) {
      case 'append': {
        const { chunks, letters } = call;
        const repeats = chunks.map((each) => model.takeRepeats(each));
        // In the order of the calls: an answer may come late that waits for another lane.
        model.write(letters);
        const appended = await this.#user.store.append(chunks, letters);
        expect(appended.map((each) => each.repeats)).toEqual(repeats);
        model.append(chunks, appended);
        appended.forEach(({ sequence, previous = sequence }, position) => {
          const open = model.open(chunks[position]?.lane ?? '').map((each) => each.sequence);
          expect(open.filter((each) => each > previous && each < sequence)).toEqual([]);
        });
        return;
      }
      case 'settle': {
        const { lane, picks, odd, letters, memo } = call;
        const claimed = this.#user.holder.held(lane);
        if (claimed === undefined) return;
        const open = model
          .open(lane)
          .flatMap(({ sequence, events }) => events.map(({ index }) => ({ sequence, index })));
        const settled = picks.flatMap((pick) => {
          const event = open[pick % Math.max(1, open.length)];
          return event === undefined ? [] : [{ sequence: event.sequence, indexes: [event.index] }];
        });
        model.write(letters);
        await claimed.settle([...settled, odd], letters, memo);
        model.settle(lane, settled, memo);
        return;
      }
    }
  }

  async #removeLetters(picks: readonly number[]): Promise<void> {
    const { deadLetters } = this.#user.store;
    const letters = await deadLetters.list({}, undefined, 100);
    const chosen = new Set(picks.map((pick) => letters[pick % Math.max(1, letters.length)]));
    const present = [...chosen].filter((letter) => letter !== undefined);
    expect(await deadLetters.remove([...present.map(({ id }) => id), 'nothing', ''])).toBe(present.length);
    for (const { origin } of present) this.#model.removeLetter(origin);
  }

  async #requeue(step: Extract<Step, { readonly type: 'requeue' }>): Promise<void> {
    const { deadLetters } = this.#user.store;
    const letters = await deadLetters.list({}, undefined, 100);
    const letter = letters[step.pick % Math.max(1, letters.length)];
    if (letter === undefined) return;
    const requeue = { id: letter.id, chunk: step.chunk };
    const nothing = { id: 'nothing', chunk: step.chunk };
    const calls = [deadLetters.requeue([requeue, nothing]), deadLetters.requeue([requeue])];
    expect((await Promise.all(calls)).flat()).toEqual([letter.id]);
    this.#model.removeLetter(letter.origin);
    const known = new Set(this.#model.open(step.chunk.lane).map(({ sequence }) => sequence));
    const chunks = await (await this.#user.lane(step.chunk.lane)).read(0, everything);
    const added = chunks.filter(({ sequence }) => !known.has(sequence));
    expect(added).toHaveLength(1);
    this.#model.append(
      [step.chunk],
      added.map(({ sequence }) => ({ sequence, repeats: [] })),
    );
  }

  /** Gives a lane back, and has it claimed again. */
  async #release({ pick, memo }: Extract<Step, { readonly type: 'release' }>): Promise<void> {
    const lanes = this.#model.lanes.filter((lane) => this.#user.holder.held(lane) !== undefined);
    const lane = lanes[pick % Math.max(1, lanes.length)];
    if (lane === undefined) return;
    this.#model.release(lane, memo);
    const released = await this.#user.holder.release(lane, memo);
    await expect(released.settle([], [])).rejects.toThrow(LaneLost);
    await this.#make({ type: 'append', chunks: [chunk(lane, ['{}'])], letters: [] });
    await this.#user.lane(lane);
  }
}

/** Which of the calls of one moment is the first to write an origin is left open. */
function withLettersAlike(calls: readonly Call[]): readonly Call[] {
  const firsts = new Map<string, NewDeadLetter>();
  const firstOf = (letter: NewDeadLetter): NewDeadLetter => {
    const first = firsts.get(letter.origin) ?? letter;
    firsts.set(letter.origin, first);
    return first;
  };
  return calls.map((call) => ({ ...call, letters: call.letters.map(firstOf) }));
}

/** Does to a store and its naive model whatever can be done, and compares. */
export async function expectStoresToAgree(
  start: () => Promise<StoreHarness>,
  lanes: readonly string[],
  numRuns: number,
): Promise<void> {
  const steps = fc.array(stepOf(lanes), { maxLength: 12 });
  const property = fc.asyncProperty(
    steps,
    fc.nat(),
    fc.integer({ min: 1, max: 1e5 }),
    async (taken, from, maxBytes) => {
      const comparison = await Comparison.start(await start());
      try {
        for (const step of taken) {
          await comparison.take(step);
          await comparison.expectAgreement(from, maxBytes);
        }
      } finally {
        await comparison.end();
      }
    },
  );
  await fc.assert(property, { numRuns });
}
