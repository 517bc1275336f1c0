/** A parsed JSON value. Nothing in this project ever mutates one that it was handed. */
export type Json = string | number | boolean | null | readonly Json[] | JsonObject;

export interface JsonObject {
  readonly [key: string]: Json;
}

/** An object under construction, owned by the function that builds it. */
export type MutableJsonObject = Record<string, Json>;

export function isJsonObject(value: Json | undefined): value is JsonObject {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** `Array.isArray` that narrows read-only arrays too. */
export function isJsonArray(value: Json | undefined): value is readonly Json[] {
  return Array.isArray(value);
}

/** True for `{}`, `[]` and `''`: values that are there and say nothing. */
export function isEmptyJson(value: Json): boolean {
  if (typeof value === 'string') return value.length === 0;
  if (typeof value !== 'object' || value === null) return false;
  if (isJsonArray(value)) return value.length === 0;
  return isJsonObject(value) && Object.keys(value).length === 0;
}

/**
 * Sets an own property whatever its name. A plain assignment to `__proto__` would change the prototype of the object
 * and lose the value: as a key in an event it is data like any other.
 */
export function setOwn(target: MutableJsonObject, key: string, value: Json): void {
  if (key === '__proto__') {
    Object.defineProperty(target, key, { value, enumerable: true, configurable: true, writable: true });
  } else {
    target[key] = value;
  }
}
