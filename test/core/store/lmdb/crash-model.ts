import { expect } from '@jest/globals';

import type { Chunk } from '../../../../src/core/store/store.js';
import { everything, type StoreUser } from '../store-user.js';
import type { Fact, FactOf, Place, Settling } from './crash-facts.js';
import { CrashHandovers } from './crash-handovers.js';

interface KnownChunk extends Place {
  readonly lane: string;
  readonly sequence: number;
  confirmed: boolean;
  /** Index to whether it was confirmed that the event is settled. */
  readonly settled: Map<number, boolean>;
}

/** Calls whose ids are looked for after a kill, of those that were confirmed. */
const callsToRepeat = 20;

/** What a store has to hold after a kill, from what was confirmed before it and what was under way. */
export class CrashModel {
  readonly #chunks = new Map<string, KnownChunk>();
  readonly #handovers = new CrashHandovers();
  /** Ids of each call of this run. */
  readonly #ids = new Map<string, readonly string[]>();
  readonly #requeues = new Map<string, FactOf<'requeueing' | 'requeued'>>();
  #settlings: Settling[] = [];
  readonly #letters = new Set<string>();
  #lastSequence = 0;
  /** The name of the run that is under way. */
  run = '';
  confirmedAppends = 0;
  confirmedSettles = 0;
  confirmedRequeues = 0;

  hear(fact: Fact): void {
    switch (fact.type) {
      case 'failed':
        throw new Error(`the process failed by itself: ${fact.problem}`);
      case 'claimed':
        this.#handovers.claimed(fact);
        return;
      case 'appending':
        this.#ids.set(fact.call, fact.ids);
        return;
      case 'appended':
        this.#known(fact).confirmed = true;
        this.confirmedAppends += 1;
        return;
      case 'requeued':
        this.confirmedRequeues += 1;
        this.#requeues.set(fact.call, fact);
        return;
      case 'requeueing':
        this.#requeues.set(fact.call, fact);
        return;
      case 'settling':
        this.#handovers.settling(fact);
        // It was read, so it was on disk.
        this.#known(fact).confirmed = true;
        for (const index of fact.indexes) this.#known(fact).settled.set(index, false);
        this.#settlings.push(fact);
        return;
      case 'settled':
        this.#handovers.settled(fact);
        for (const index of fact.indexes) this.#known(fact).settled.set(index, true);
        this.confirmedSettles += 1;
        return;
    }
  }

  /** Compares, and takes what is found for what is known from now on. */
  async check(user: StoreUser): Promise<void> {
    const found = new Map<string, Chunk>();
    for (const { lane, events, bytes, oldestAt } of await user.backlog()) {
      const chunks = await (await user.lane(lane)).read(0, everything);
      for (const chunk of chunks) found.set(`${lane}/${chunk.sequence}`, chunk);
      const texts = chunks.flatMap((chunk) => chunk.events.map(({ text }) => text));
      expect({ events: texts.length, bytes: texts.reduce((sum, text) => sum + Buffer.byteLength(text), 0) }).toEqual({
        events,
        bytes,
      });
      expect(oldestAt).toBe(chunks[0]?.receivedAt);
    }
    for (const chunk of found.values()) this.#meet(chunk);
    for (const [name, known] of this.#chunks) this.#compare(known, found.get(name));
    this.#expectWholeCalls();
    await this.#checkLetters(user, found);
    await this.#handovers.check(user);
    await this.#checkIds(user);
    this.#settlings = [];
    this.#lastSequence = Math.max(this.#lastSequence, ...[...this.#chunks.values()].map(({ sequence }) => sequence));
    for (const [name, known] of this.#chunks) if (known.settled.size === known.events) this.#chunks.delete(name);
  }

  #known(place: Place & { readonly lane: string; readonly sequence: number }): KnownChunk {
    const name = `${place.lane}/${place.sequence}`;
    const { call, count, chunk, events, lane, sequence } = place;
    const known = this.#chunks.get(name) ?? {
      ...{ call, count, chunk, events, lane, sequence },
      confirmed: false,
      settled: new Map<number, boolean>(),
    };
    if (!this.#chunks.has(name) && sequence <= this.#lastSequence) throw new Error(`sequence ${sequence} comes again`);
    this.#chunks.set(name, known);
    const same = [known.call, known.count, known.chunk, known.events].join() === [call, count, chunk, events].join();
    if (!same) throw new Error(`${name} was of ${known.call} and is of ${call}`);
    return known;
  }

  /** The events of a chunk are those that were written to it, each where it stood. */
  #meet({ lane, sequence, events }: Chunk): void {
    for (const { index, text } of events) {
      const event = JSON.parse(text) as Place & { readonly index: number };
      this.#known({ ...event, lane, sequence });
      if (event.index !== index) throw new Error(`${lane}/${sequence}/${index} is ${text}`);
    }
  }

  #compare(known: KnownChunk, found: Chunk | undefined): void {
    const present = new Set(found?.events.map(({ index }) => index));
    for (let index = 0; index < known.events; index += 1) {
      const settled = known.settled.get(index);
      const place = `${known.lane}/${known.sequence}/${index} ${known.call}`;
      if (settled === true && present.has(index)) throw new Error(`${place} came back after it was settled`);
      if (settled === undefined && !present.has(index)) throw new Error(`${place} is lost`);
      if (present.has(index)) known.settled.delete(index);
      else known.settled.set(index, true);
    }
    known.confirmed = true;
  }

  /** A call that was under way was stored as a whole or not at all. */
  #expectWholeCalls(): void {
    const counts = new Map<string, number>();
    for (const { call } of this.#chunks.values()) counts.set(call, (counts.get(call) ?? 0) + 1);
    for (const { call, count } of this.#chunks.values()) {
      const stored = counts.get(call) ?? 0;
      if (this.#isOfThisRun(call) && stored !== count)
        throw new Error(`${stored} of ${count} chunks of ${call} are stored`);
    }
  }

  /** Chunks of earlier runs that are gone were forgotten, so their calls can't be counted. */
  #isOfThisRun(call: string): boolean {
    return call.startsWith(`${this.run}-`);
  }

  /** A letter is there if, and only if, the events that were settled with it are gone. */
  async #checkLetters({ store }: StoreUser, found: ReadonlyMap<string, Chunk>): Promise<void> {
    const letters = await store.deadLetters.list({}, undefined, everything);
    const origins = letters.map(({ origin }) => origin);
    expect(new Set(origins).size).toBe(origins.length);
    const requeued = this.#checkRequeues(new Set(origins));
    for (const { lane, sequence, indexes, origin } of this.#settlings) {
      if (origin === undefined || requeued.has(origin)) continue;
      const open = found.get(`${lane}/${sequence}`)?.events.some(({ index }) => indexes.includes(index)) ?? false;
      if (origins.includes(origin) === open) throw new Error(`${origin} is ${open ? 'a letter and open' : 'lost'}`);
      if (!open) this.#letters.add(origin);
    }
    expect([...this.#letters].sort()).toEqual(origins.sort());
    expect((await store.deadLetters.stats()).letters).toBe(origins.length);
  }

  /** @returns origins of the letters that were put back. */
  #checkRequeues(origins: ReadonlySet<string>): ReadonlySet<string> {
    const known = this.#knownCalls();
    const gone = new Set<string>();
    for (const { type, call, origin } of this.#requeues.values()) {
      const isBack = known.has(call);
      if (isBack === origins.has(origin))
        throw new Error(`${origin} is ${isBack ? 'in its lane, and a letter' : 'lost'}`);
      if (type === 'requeued' && !isBack) throw new Error(`${origin} was put back, and is a letter`);
      if (!isBack) continue;
      gone.add(origin);
      this.#letters.delete(origin);
    }
    this.#requeues.clear();
    return gone;
  }

  /** Ids are known if, and only if, their events were stored: else a sender that asks again would lose them. */
  async #checkIds(user: StoreUser): Promise<void> {
    const known = this.#knownCalls();
    const calls = [...this.#ids].filter(([call]) => !known.has(call) || Math.random() < callsToRepeat / this.#ids.size);
    for (const [call, ids] of calls) {
      const chunk = { lane: 'ids', connection: 'web', receivedAt: 1, events: ids.map(() => '{}'), ids };
      const [{ sequence, repeats } = { sequence: 0, repeats: [] }] = await user.store.append([chunk]);
      expect({ call, repeats: repeats.length }).toEqual({ call, repeats: known.has(call) ? ids.length : 0 });
      if (repeats.length === 0) await user.settle('ids', sequence, [...ids.keys()]);
    }
    this.#ids.clear();
  }

  #knownCalls(): ReadonlySet<string> {
    return new Set([...this.#chunks.values()].map(({ call }) => call));
  }
}
