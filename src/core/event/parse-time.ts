/** ISO 8601 with a time zone, or without one (then UTC); date alone; a space for the T; offsets with or without colon. */
const isoPattern =
  /^(\d{4})-(\d{2})-(\d{2})(?:[T ](\d{2}):(\d{2})(?::(\d{2})(?:[.,](\d{1,9}))?)?\s*(Z|[+-]\d{2}(?::?\d{2})?)?)?$/i;

/** Seconds since 1973 or milliseconds: shorter digits ("2024", "20240501") are no epoch that anybody meant. */
const epochText = /^\d{9,14}(?:\.\d+)?$/;

/** The form this project writes, `2024-05-01T12:00:00.123Z`. */
const canonicalLength = 24;
const canonicalPattern = /^\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|1\d|2[0-8])T(?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d\.\d{3}Z$/;

/** Below this a number is seconds since the epoch, above it milliseconds. As seconds it is the year 5138. */
const secondsBound = 1e11;

/**
 * Reads a time as CDPs write it: ISO 8601 with or without offset (without: UTC, never the server's own zone), epoch
 * seconds or milliseconds as a number or a decimal string.
 *
 * @returns milliseconds since the epoch, or `undefined` for anything else: unreadable text, a day or an hour that does
 * not exist, a year outside 0001..9999.
 */
export function parseTime(value: unknown): number | undefined {
  if (typeof value === 'number') return fromEpoch(value);
  if (typeof value !== 'string') return undefined;
  const text = value.trim();
  if (text.length > 40) return undefined;
  if (epochText.test(text)) return fromEpoch(Number(text));
  return fromIso(text);
}

/**
 * Is the text what `toIsoUtc` would write? Most timestamps are, and are passed on as they stand: looking costs 0.1 µs,
 * parsing and writing 1.7 µs (Node 20.20). Days are checked up to 28 only, for the others the calendar is asked.
 */
export function isIsoUtc(text: string): boolean {
  return text.length === canonicalLength && canonicalPattern.test(text) && !text.startsWith('0000');
}

/** ISO 8601 in UTC with milliseconds, which every documented and observed Heap reader accepts. */
export function toIsoUtc(epochMs: number): string {
  return new Date(epochMs).toISOString();
}

function fromEpoch(value: number): number | undefined {
  if (!Number.isFinite(value)) return undefined;
  return inRange(Math.round(Math.abs(value) < secondsBound ? value * 1000 : value));
}

function fromIso(text: string): number | undefined {
  const match = isoPattern.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone] = match;
  const ms = Number(fraction.slice(0, 3).padEnd(3, '0'));
  const parts = [Number(year), Number(month) - 1, Number(day), Number(hour), Number(minute), Number(second)] as const;
  const date = new Date(0);
  date.setUTCFullYear(parts[0], parts[1], parts[2]);
  date.setUTCHours(parts[3], parts[4], parts[5], ms);
  const isRolledOver =
    date.getUTCMonth() !== parts[1] ||
    date.getUTCDate() !== parts[2] ||
    date.getUTCHours() !== parts[3] ||
    date.getUTCMinutes() !== parts[4] ||
    date.getUTCSeconds() !== parts[5];
  if (isRolledOver) return undefined;
  const offset = offsetMs(zone);
  return offset === undefined ? undefined : inRange(date.getTime() - offset);
}

function offsetMs(zone: string | undefined): number | undefined {
  if (zone === undefined || zone.toUpperCase() === 'Z') return 0;
  const sign = zone.startsWith('-') ? -1 : 1;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', '') || '0');
  if (hours > 18 || minutes > 59) return undefined;
  return sign * (hours * 60 + minutes) * 60_000;
}

const earliest = Date.parse('0001-01-01T00:00:00.000Z');
const latest = Date.parse('9999-12-31T23:59:59.999Z');

/** The time itself, or `undefined` outside the years 0001..9999, which ISO 8601 can't write in four digits. */
export function inRange(epochMs: number): number | undefined {
  return epochMs >= earliest && epochMs <= latest ? epochMs : undefined;
}
