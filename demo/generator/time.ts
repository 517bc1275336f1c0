export const minute = 60_000;
export const hour = 60 * minute;
export const day = 24 * hour;

/** The story's first and last moment; a time that the service corrected to the time of arrival lies far behind it. */
export const storyStart = Date.parse('2025-05-05T00:00:00.000Z');
export const storyEnd = storyStart + 28 * day;

/** ISO 8601 in UTC with milliseconds, as Segment's SDKs write it. */
export function isoUtc(at: number): string {
  return new Date(at).toISOString();
}

/** ISO 8601 with the offset of the sender's zone and whole seconds, as many backends write it. */
export function isoWithOffset(at: number, offsetMinutes: number): string {
  const local = new Date(at + offsetMinutes * minute).toISOString().slice(0, 19);
  const size = Math.abs(offsetMinutes);
  const clock = [Math.floor(size / 60), size % 60].map((part) => String(part).padStart(2, '0')).join(':');
  return `${local}${offsetMinutes < 0 ? '-' : '+'}${clock}`;
}
