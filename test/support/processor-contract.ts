import { expect, it } from '@jest/globals';
import fc from 'fast-check';

import { isJsonArray, isJsonObject, type Json } from '../../src/core/json/json.js';
import { canonicalText, type AnswerProcessor } from './rudderstack.js';
import { rudderCases, type CaseFolder } from './rudderstack-cases.js';
import { bodyOf, bodyText, eventText, eventTexts } from './rudderstack-texts.js';

/** Every case of a folder, in every form that its request has. */
export function itAnswersTheCases(folder: Exclude<CaseFolder, 'router'>, answer: AnswerProcessor): void {
  for (const { name, description, requests, expected } of rudderCases(folder)) {
    for (const { form, text } of requests) {
      it(`${description} [${name}, ${form}]`, () => {
        const actual = entriesOf(answer(Buffer.from(text)));
        expect(actual).toEqual(expected);
        expect(canonicalText(actual)).toBe(canonicalText(expected));
      });
    }
  }
}

/** What holds for every body that is posted, whatever it is. */
export function itHoldsForEveryBody(answer: AnswerProcessor): void {
  it('has one entry for each event, which rudder-server can read', () => {
    fc.assert(
      fc.property(bodyOf, eventTexts, (bodyOfEvents, events) => {
        const body = bodyOfEvents(events);
        const entries = entriesOf(answer(Buffer.from(body)));
        expect(entries).toHaveLength(events.length);
        expect(entries.flatMap(faultsOf)).toEqual([]);
        // Templates may take a value out of the metadata.
        if (!body.includes('{{'))
          for (const [index, entry] of entries.entries()) expectEcho(events[index] ?? '', entry);
      }),
      { numRuns: 250 },
    );
  });

  it('has for each event what it has for that event alone, whatever stands beside it', () => {
    fc.assert(
      fc.property(bodyOf, eventTexts, eventText, fc.nat(5), (bodyOfEvents, others, event, place) => {
        const index = Math.min(place, others.length);
        const all = [...others.slice(0, index), event, ...others.slice(index)];
        const together = entriesOf(answer(Buffer.from(bodyOfEvents(all))));
        const alone = entriesOf(answer(Buffer.from(bodyOfEvents([event]))));
        expect(canonicalText(together[index])).toBe(canonicalText(alone[0]));
        const without = entriesOf(answer(Buffer.from(bodyOfEvents(others))));
        expect(canonicalText([...together.slice(0, index), ...together.slice(index + 1)])).toBe(canonicalText(without));
      }),
      { numRuns: 150 },
    );
  });

  it('is the same again, and leaves the body as it was', () => {
    fc.assert(
      fc.property(bodyText, (text) => {
        const body = Buffer.from(text);
        const before = Buffer.from(body);
        const first = answer(body);
        expect(body.equals(before)).toBe(true);
        expect(canonicalText(answer(body))).toBe(canonicalText(first));
      }),
      { numRuns: 100 },
    );
  });
}

/** The entries of an answer; throws where there are none. */
export function entriesOf(answer: Json | undefined): readonly Json[] {
  if (!isJsonArray(answer)) throw new Error('the answer is no array');
  return answer;
}

/** What rudder-server's process would end over, or would take for another outcome than it is. */
export function faultsOf(entry: Json): readonly string[] {
  if (!isJsonObject(entry)) return ['the entry is no object'];
  const { statusCode, error, statTags, output } = entry;
  const faults: string[] = [];
  if (typeof statusCode !== 'number') faults.push('statusCode is no number');
  if (error !== undefined && typeof error !== 'string') faults.push('error is no string');
  if (
    statTags !== undefined &&
    !(isJsonObject(statTags) && Object.values(statTags).every((tag) => typeof tag === 'string'))
  ) {
    faults.push('statTags are no strings');
  }
  if ((statusCode === 200) !== isJsonObject(output)) faults.push('a success without output, or a failure with one');
  if ((statusCode === 200) === (typeof error === 'string'))
    faults.push('a failure without error, or a success with one');
  return faults;
}

/** Metadata comes back as it was, unless it is too deep to be written. */
function expectEcho(eventAsText: string, entry: Json): void {
  const event = JSON.parse(eventAsText) as Json;
  if (!isJsonObject(event) || event.metadata === undefined || eventAsText.length > 20_000) return;
  expect(canonicalText(isJsonObject(entry) ? entry.metadata : undefined)).toBe(canonicalText(event.metadata));
}
