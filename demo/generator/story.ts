import { billingStory } from './billing-story.js';
import { addBrokenEvents } from './broken-events.js';
import { mobileStory } from './mobile-story.js';
import { oddEvents } from './odd-events.js';
import { makeAccounts, makePeople } from './people.js';
import { Random } from './random.js';
import type { StoryEvent } from './story-event.js';
import { webStory, type WebPath } from './web-story.js';

const seed = 20_250_505;
const peopleCount = 108;
const peoplePerAccount = 6;
const repeatCount = 8;

/** All events of the demo in the order in which they are sent. The same story at every call. */
export function tellStory(): readonly StoryEvent[] {
  const random = new Random(seed);
  const out: StoryEvent[] = [];
  const people = makePeople(random, peopleCount);
  const accounts = makeAccounts(random, people, peoplePerAccount);

  for (const person of people) {
    const isOwner = person.index % peoplePerAccount === 0;
    const account = random.chance(0.8) || isOwner ? accounts[Math.floor(person.index / peoplePerAccount)] : undefined;
    const path: WebPath = isOwner ? 'pays' : random.pick(['looks', 'looks', 'signsUp', 'signsUp', 'pays']);
    webStory(random, out, person, account, path);
    if (path === 'pays') billingStory(random, out, person, account);
    if (random.chance(0.45)) {
      mobileStory(random, out, person, path === 'looks' ? 'never' : random.pick(['identify', 'identify', 'alias']));
    }
  }
  oddEvents(random, out, people);
  addBrokenEvents(random, out);
  addRepeats(random, out);
  return out
    .map((entry, index) => ({ entry, index }))
    .sort(byTime)
    .map(({ entry }) => entry);
}

/** So late that a repeat comes in another request: in the same one, the service would know it without remembering it. */
const repeatDelayMs = 3 * 24 * 3_600_000;

/** An SDK that went offline before it heard the answer sends an event once more. */
function addRepeats(random: Random, out: StoryEvent[]): void {
  const tracks = out.filter(({ event, effect }) => event.type === 'track' && effect.outcome === 'delivered');
  for (const entry of random.some(tracks, repeatCount))
    out.push({ ...entry, at: entry.at + repeatDelayMs, isRepeat: true });
}

function byTime(a: { entry: StoryEvent; index: number }, b: { entry: StoryEvent; index: number }): number {
  return a.entry.at - b.entry.at || a.index - b.index;
}
