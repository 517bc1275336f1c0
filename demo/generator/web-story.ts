import { campaigns, makeBasket } from './catalogue.js';
import type { Account, Person } from './people.js';
import type { Random } from './random.js';
import { Recorder, type Speaker, type User } from './recorder.js';
import type { StoryEvent } from './story-event.js';
import { day, hour, minute } from './time.js';
import { BrowserVoice, pageFields, siteUrl } from './voices.js';

const templates = ['Kanban', 'Sprint', 'Editorial calendar', 'Hiring'] as const;
const labels = ['design', 'urgent', 'backend', 'research', 'q2'] as const;

/** How far a visitor goes. */
export type WebPath = 'looks' | 'signsUp' | 'pays';

/** The web app's story of one person: browse, sign up, use, pay. */
export function webStory(
  random: Random,
  out: StoryEvent[],
  person: Person,
  account: Account | undefined,
  path: WebPath,
): void {
  new WebVisitor(random, out, person, account).live(path);
}

class WebVisitor {
  private readonly voice: BrowserVoice;
  private readonly recorder: Recorder;
  private readonly anonymousId: string;
  private at: number;

  constructor(
    private readonly random: Random,
    private readonly out: StoryEvent[],
    private readonly person: Person,
    private readonly account: Account | undefined,
  ) {
    this.voice = new BrowserVoice(random, person.locale, person.timezone);
    this.recorder = new Recorder(this.voice, out);
    this.anonymousId = random.uuid();
    this.at = person.arrival;
  }

  live(path: WebPath): void {
    this.browse();
    if (path === 'looks') return;
    this.signUp();
    const sessions = this.random.int(1, 3);
    for (let session = 0; session < sessions; session++) {
      this.at += this.random.int(8, 40) * hour;
      this.work();
    }
    if (path === 'pays') this.pay();
    if (this.random.chance(0.25)) this.comeFromAnotherDevice();
  }

  private get visitor(): Speaker {
    return { anonymousId: this.anonymousId };
  }

  private get user(): User {
    return { userId: this.person.userId, anonymousId: this.anonymousId };
  }

  private browse(): void {
    const { random } = this;
    const campaign = random.chance(0.5) ? random.pick(campaigns) : undefined;
    this.voice.campaign = campaign;
    const search = campaign === undefined ? '' : `?utm_source=${campaign.source}&utm_campaign=${campaign.name}`;
    this.open(this.visitor, '/', 'Home', 'Marketing', search);
    if (random.chance(0.6)) this.open(this.visitor, '/features/boards', 'Boards', 'Marketing');
    this.open(this.visitor, '/pricing', 'Pricing', 'Marketing');
    if (random.chance(0.5)) {
      const plans = random.some(['free', 'team', 'business'], 2);
      this.track(this.visitor, 'Plans Compared', { plans, billing: 'yearly', with_discount: random.chance(0.5) });
    }
    if (random.chance(0.3)) {
      this.track(this.visitor, 'Video Played', { title: 'Larkspur in 90 seconds', position_s: random.int(3, 90) });
    }
    this.voice.campaign = undefined;
  }

  private signUp(): void {
    const { person, random, account } = this;
    this.open(this.visitor, '/signup', 'Sign up', undefined);
    this.wait();
    this.recorder.identify(this.at, this.user, {
      email: person.email,
      name: `${person.firstName} ${person.lastName}`,
      plan: 'free',
      company: { country: person.country, size: random.pick(['1-10', '11-50', '51-200']) },
      marketing_consent: random.chance(0.5),
      phone: null,
    });
    this.track(this.user, 'Signed Up', { method: random.pick(['password', 'google', 'sso']), invited: !account });
    if (account === undefined) return;
    this.wait();
    const { name, industry, employees, owner } = account;
    const known = { name, industry, employees };
    this.recorder.group(
      this.at,
      this.user,
      account.accountId,
      owner === person ? { ...known, plan: 'free', seats: 1, address: { country: person.country } } : known,
    );
  }

  private work(): void {
    const { random, user } = this;
    this.open(user, '/app', 'Dashboard', 'App');
    if (random.chance(0.5)) {
      this.track(user, 'Project Created', {
        template: random.pick(templates),
        labels: random.some(labels, random.int(1, 3)),
        settings: { private: random.chance(0.5), columns: random.int(3, 6), wip: { limit: random.int(2, 9) } },
      });
    }
    this.open(user, `/app/boards/${random.int(10, 99)}`, 'Board', 'App');
    const tasks = random.int(1, 3);
    for (let task = 0; task < tasks; task++) {
      this.track(user, random.chance(0.6) ? 'Task Completed' : 'Task Created', {
        task_id: `t-${random.int(1000, 9999)}`,
        labels: random.some(labels, random.int(0, 2)),
        estimate_h: random.int(1, 16) / 2,
        overdue: random.chance(0.2),
        assignee: null,
      });
    }
    if (random.chance(0.3))
      this.track(user, 'Search Performed', { query: 'räksmörgås 🦐', results: random.int(0, 40) });
    if (random.chance(0.2)) this.track(user, 'Report Exported', { format: 'csv', rows: random.int(10, 9000) });
  }

  private pay(): void {
    const { random, user, person, account } = this;
    const basket = makeBasket(random);
    const { products, revenue, plan } = basket;
    this.at += this.random.int(4, 30) * hour;
    this.open(user, '/app/checkout', 'Checkout', 'App');
    this.track(user, 'Checkout Started', { value: revenue, currency: 'EUR', products });
    if (random.chance(0.15)) this.track(user, 'Payment Method Declined', { code: 'card_expired', attempt: 1 });
    this.track(user, 'Checkout Completed', {
      order_id: `ord-${10_000 + person.index}`,
      revenue,
      currency: 'EUR',
      products,
      shipping: {},
      discounts: [],
    });
    this.wait();
    this.recorder.identify(this.at, user, { plan, paid_at: new Date(this.at).toISOString(), seats: random.int(1, 25) });
    if (account?.owner === person) {
      this.recorder.group(this.at + 1, user, account.accountId, { plan, seats: random.int(2, 25) });
    }
  }

  /** A second browser: a new anonymous visitor, until the login says who it is. */
  private comeFromAnotherDevice(): void {
    const { person, random } = this;
    const voice = new BrowserVoice(random, person.locale, person.timezone);
    const recorder = new Recorder(voice, this.out);
    const user = { userId: person.userId, anonymousId: random.uuid() };
    this.at += day;
    voice.page = { path: '/login', title: 'Log in', search: '', referrer: siteUrl };
    recorder.page(this.at, { anonymousId: user.anonymousId }, 'Log in', undefined, pageFields(voice.page));
    recorder.identify(this.at + minute, user, { devices: 2, last_login_from: 'second browser' }, 'context');
    recorder.track(this.at + minute + 400, user, 'Logged In', { method: 'password', remembered: false });
  }

  private open(speaker: Speaker, path: string, name: string, category: string | undefined, search = ''): void {
    this.wait();
    const referrer = this.voice.page.path === path ? '' : `${siteUrl}${this.voice.page.path}`;
    this.voice.page = { path, title: `${name} | Larkspur`, search, referrer };
    this.recorder.page(this.at, speaker, name, category, pageFields(this.voice.page));
  }

  private track(speaker: Speaker, name: string, properties: Parameters<Recorder['track']>[3]): void {
    this.wait();
    this.recorder.track(this.at, speaker, name, properties);
  }

  private wait(): void {
    this.at += this.random.int(2_000, 90_000);
  }
}
