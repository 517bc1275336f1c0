const isoDateTime =
  /^([+-]\d{6}|\d{4})-?(\d\d)-?(\d\d)(?:[T ](\d\d)(?::?(\d\d)(?::?(\d\d)(?:[.,](\d+))?)?)?(Z|[+-]\d\d(?::?\d\d)?)?)?$/i;

const maxEpochMs = 8.64e15;

/**
 * Epoch milliseconds of an ISO 8601 calendar date with optional time, fraction and offset (no offset means UTC), or
 * undefined when it is not one. Basic and extended form are both ISO 8601, so both pass; 30 February does not.
 */
export function parseIsoTimestamp(text: string): number | undefined {
  const match = isoDateTime.exec(text);
  if (match === null) return undefined;
  const [, year, month, day, hour = '0', minute = '0', second = '0', fraction = '0', zone = 'Z'] = match;
  const midnight = calendarDay(Number(year), Number(month), Number(day));
  const offset = offsetMinutes(zone);
  if (midnight === undefined || offset === undefined) return undefined;
  // 24:00 and second 60 are ISO 8601's end of day and leap second.
  if (Number(hour) > 24 || Number(minute) > 59 || Number(second) > 60) return undefined;
  const minutes = Number(hour) * 60 + Number(minute) - offset;
  const milliseconds = Math.trunc(Number(`0.${fraction}`) * 1000);
  const time = midnight + minutes * 60_000 + Number(second) * 1000 + milliseconds;
  return isEpochMs(time) ? time : undefined;
}

/** True for a number that a JavaScript date can hold. */
export function isEpochMs(value: number): boolean {
  return Math.abs(value) <= maxEpochMs;
}

function calendarDay(year: number, month: number, day: number): number | undefined {
  const date = new Date(0);
  date.setUTCFullYear(year, month - 1, day);
  return date.getUTCMonth() === month - 1 && date.getUTCDate() === day ? date.getTime() : undefined;
}

function offsetMinutes(zone: string): number | undefined {
  if (zone.toUpperCase() === 'Z') return 0;
  const hours = Number(zone.slice(1, 3));
  const minutes = Number(zone.slice(3).replace(':', ''));
  if (hours > 23 || minutes > 59) return undefined;
  return (zone.startsWith('-') ? -1 : 1) * (hours * 60 + minutes);
}
