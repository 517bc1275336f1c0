import type { Random } from './random.js';
import { day, hour, minute, storyStart } from './time.js';

/** A company that uses the product. */
export interface Account {
  readonly accountId: string;
  readonly name: string;
  readonly industry: string;
  readonly employees: number;
  /** Only the owner's events change what is known of the account: events of different people may overtake each other. */
  readonly owner: Person;
}

/** One person, with everything that their story will need. */
export interface Person {
  readonly index: number;
  readonly userId: string;
  /** What the billing database knows them by; it had numbers once. */
  readonly billingId: string | number;
  readonly firstName: string;
  readonly lastName: string;
  readonly email: string;
  readonly country: string;
  readonly locale: string;
  readonly timezone: string;
  readonly offsetMinutes: number;
  /** The first visit. */
  readonly arrival: number;
}

const firstNames = ['Ada', 'Bruno', 'Chloé', 'Dev', 'Elif', 'Femi', 'Grace', 'Hiro', 'Inés', 'Jonas', 'Kavya'] as const;
const lastNames = ['Abara', 'Bergström', 'Castillo', 'Dvořák', 'Eze', 'Fischer', 'Gupta', 'Hoang', 'Ito'] as const;

const places = [
  { country: 'DE', locale: 'de-DE', timezone: 'Europe/Berlin', offsetMinutes: 120 },
  { country: 'US', locale: 'en-US', timezone: 'America/New_York', offsetMinutes: -240 },
  { country: 'US', locale: 'en-US', timezone: 'America/Los_Angeles', offsetMinutes: -420 },
  { country: 'IN', locale: 'en-IN', timezone: 'Asia/Kolkata', offsetMinutes: 330 },
  { country: 'JP', locale: 'ja-JP', timezone: 'Asia/Tokyo', offsetMinutes: 540 },
  { country: 'BR', locale: 'pt-BR', timezone: 'America/Sao_Paulo', offsetMinutes: -180 },
] as const;

const companies = ['Northwind', 'Contoso', 'Initech', 'Hooli', 'Umbra', 'Vandelay', 'Acme', 'Globex'] as const;
const companyKinds = ['Studios', 'Logistics', 'Health'] as const;

export function makePeople(random: Random, count: number): Person[] {
  return Array.from({ length: count }, (_, index) => {
    const firstName = random.pick(firstNames);
    const lastName = random.pick(lastNames);
    const number = String(index + 1).padStart(4, '0');
    return {
      index,
      userId: `usr_${number}`,
      billingId: random.chance(0.25) ? 40_000 + index : `usr_${number}`,
      firstName,
      lastName,
      email: `${plainAscii(firstName)}.${plainAscii(lastName)}.${number}@example.com`,
      ...random.pick(places),
      arrival: storyStart + random.int(0, 13) * day + random.int(6, 20) * hour + random.int(0, 59) * minute,
    };
  });
}

/** One account for every `size` people; the first of them owns it. */
export function makeAccounts(random: Random, people: readonly Person[], size: number): Account[] {
  return people
    .filter((_, index) => index % size === 0)
    .map((owner, index) => {
      const company = companies[index % companies.length] ?? 'Larkspur';
      const kind = companyKinds[Math.floor(index / companies.length) % companyKinds.length] ?? 'Works';
      return {
        accountId: `acct_${100 + index}`,
        name: `${company} ${kind}`,
        industry: kind.toLowerCase(),
        employees: random.int(4, 900),
        owner,
      };
    });
}

function plainAscii(name: string): string {
  return name
    .normalize('NFD')
    .replace(/[^a-z]/gi, '')
    .toLowerCase();
}
