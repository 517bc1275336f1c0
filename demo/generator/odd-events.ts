import type { Person } from './people.js';
import type { Random } from './random.js';
import { Recorder, type Voice } from './recorder.js';
import type { StoryEvent } from './story-event.js';
import { day, hour, isoUtc, minute, storyStart } from './time.js';
import { BackendVoice, BrowserVoice, siteUrl } from './voices.js';

/** Events that are delivered, with something put right on the way: each names what. */
export function oddEvents(random: Random, out: StoryEvent[], people: readonly Person[]): void {
  const browser = new BrowserVoice(random, 'en-US', 'America/New_York');
  browser.page = { path: '/feedback', title: 'Feedback | Larkspur', search: '', referrer: siteUrl };
  const web = new Recorder(browser, out);
  const server = new Recorder(new BackendVoice(random), out);
  let at = storyStart + 15 * day;
  const next = (): number => (at += 3 * hour + random.int(1, 40) * minute);

  // A text longer than Heap takes.
  for (const person of people.slice(0, 3)) {
    const comment = `${'The board is fine, the search could be faster. '.repeat(30)}Thanks!`;
    web.track(next(), { userId: person.userId }, 'Feedback Sent', { score: random.int(6, 10), comment }, [
      'value_truncated',
    ]);
  }
  // A page that prints a missing user id as text: the visitor is known all the same.
  for (const placeholder of ['undefined', 'null', 'undefined', '0']) {
    web.trackWithPlaceholder(next(), placeholder, random.uuid(), 'Banner Closed');
  }
  // A trait that Heap reserves.
  for (const person of people.slice(3, 8)) {
    const traits = { id: `crm-${70_000 + person.index}`, crm_stage: random.pick(['lead', 'customer']), crm_score: 0.5 };
    server.identify(next(), { userId: person.billingId }, traits, 'traits', ['reserved_key_dropped']);
  }
  // A time that nobody can read: the next best is used.
  const confused = new Recorder(new ConfusedClockVoice(random), out);
  for (const person of people.slice(8, 10)) {
    confused.track(next(), { userId: person.billingId }, 'Invoice Viewed', { pages: 2 }, ['timestamp_invalid']);
  }
  // An account without a user: a lead from a form.
  for (const [index, source] of ['webinar', 'trade fair'].entries()) {
    web.group(next(), { anonymousId: random.uuid() }, `lead_${index + 1}`, { source, employees: random.int(20, 400) });
  }
}

class ConfusedClockVoice extends BackendVoice {
  override times(at: number): ReturnType<Voice['times']> {
    const fields = { timestamp: 'yesterday at noon', originalTimestamp: isoUtc(at), sentAt: isoUtc(at + 2000) };
    return { fields, expected: 'arrival' };
  }
}
