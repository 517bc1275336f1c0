/** A JSON object as JSON.parse gives it: keys such as `__proto__` are own properties there, hence plain data. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** True for JSON objects, false for arrays, null and scalars. */
export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An optional field that is absent or null counts as not given: no Heap page tells the two apart. */
export function isGiven(value: unknown): boolean {
  return value !== undefined && value !== null;
}
