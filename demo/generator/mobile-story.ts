import type { JsonObject } from '../json.js';
import type { Person } from './people.js';
import type { Random } from './random.js';
import { Recorder, type Speaker } from './recorder.js';
import type { StoryEvent } from './story-event.js';
import { hour } from './time.js';
import { DeviceVoice } from './voices.js';

/** How the app learns who its user is. */
export type MobileLogin = 'never' | 'identify' | 'alias';

/** The mobile app's story of one person: install, look around, perhaps log in, use. */
export function mobileStory(random: Random, out: StoryEvent[], person: Person, login: MobileLogin): void {
  const anonymousId = random.uuid();
  const recorder = new Recorder(new DeviceVoice(random, anonymousId, person.locale, person.offsetMinutes), out);
  const visitor: Speaker = { anonymousId };
  const user = { userId: person.userId, anonymousId };
  let at = person.arrival + random.int(1, 60) * hour;
  const next = (): number => (at += random.int(2, 80) * 1000);
  const track = (speaker: Speaker, name: string, properties: JsonObject): void => {
    recorder.track(next(), speaker, name, properties);
  };

  track(visitor, 'Application Installed', { version: '4.12.0', build: 2291, from_store: true });
  recorder.screen(next(), visitor, 'Welcome', 'Onboarding', { tour: { steps: 4, skippable: true } });
  if (random.chance(0.6))
    track(visitor, 'Tour Finished', { steps_seen: random.int(1, 4), skipped: random.chance(0.3) });
  if (login === 'never') return;

  recorder.screen(next(), visitor, 'Log in', undefined, {});
  const traits = { email: person.email, plan: 'free', push_enabled: random.chance(0.6), theme: 'system' };
  if (login === 'alias') {
    recorder.alias(next(), person.userId, anonymousId);
    recorder.identify(next(), { userId: person.userId }, traits);
  } else {
    recorder.identify(next(), user, traits, random.chance(0.5) ? 'context' : 'traits');
  }
  track(user, 'Logged In', { method: random.pick(['password', 'biometric']), remembered: true });

  const sessions = random.int(2, 4);
  for (let session = 1; session <= sessions; session++) {
    at += random.int(5, 30) * hour;
    track(user, 'Application Opened', { from_background: session > 1, version: '4.12.0' });
    recorder.screen(next(), user, 'Inbox', 'Work', { unread: random.int(0, 30), filters: ['mine', 'open'] });
    if (random.chance(0.5))
      recorder.screen(next(), user, 'Board', 'Work', { board_id: random.int(10, 99), columns: 4 });
    if (random.chance(0.5)) track(user, 'Task Completed', { task_id: `t-${random.int(1000, 9999)}`, offline: false });
    if (random.chance(0.3)) {
      track(user, 'Photo Attached', {
        size_kb: random.int(80, 4000),
        exif: { camera: null, gps: { lat: 52.37, lon: 4.9 } },
        tags: [1, 'whiteboard', true],
      });
    }
    if (random.chance(0.3))
      track(user, 'Push Notification Opened', { campaign: 'digest', delay_s: random.int(1, 900) });
    if (random.chance(0.4)) {
      recorder.identify(
        next(),
        { userId: person.userId },
        { last_session: session, theme: random.pick(['dark', 'light']) },
      );
    }
    track(user, 'Application Backgrounded', { seconds: random.int(20, 1200) });
  }
}
