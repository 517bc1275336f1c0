import { isJsonObject, setOwn, type Json, type MutableJsonObject } from '../json/json.js';
import type { MappingRule } from './mapping.js';

/**
 * May a rule for `properties.name` write into the properties that the rules before it made? Only if each of them makes
 * an object of its own, as flattening does; anything else may have put a part of the event there, or a constant.
 */
export function ownsContainer(before: readonly MappingRule[], destKey: string): boolean {
  const dot = destKey.indexOf('.');
  const container = destKey.slice(0, dot);
  return before
    .filter((rule) => dot !== -1 && rule.destKey === container)
    .every(({ metadata }) => {
      const last = [metadata?.type].flat().at(-1);
      const isFresh = last === 'flatten' || (typeof last === 'object' && 'flatten' in last);
      return isFresh && typeof metadata?.default !== 'object';
    });
}

/**
 * `event` sets a member of the operation; `properties.a.b` sets the member `a.b` of its properties, which are flat. A
 * member that is no object gives way to one.
 */
export function compileSetter(
  destKey: string,
  ownsIt: boolean,
  settings: Readonly<Record<string, string>>,
  fail: (message: string) => void,
): (out: MutableJsonObject, value: Json) => void {
  const filled = destKey.replace(/\$\{(\w+)\}/g, (place, name: string) => {
    if (Object.hasOwn(settings, name)) return settings[name] ?? place;
    fail(`\${${name}} is no setting; it may be ${Object.keys(settings).join(', ')}`);
    return place;
  });
  const dot = filled.indexOf('.');
  if (dot === -1) {
    return (out, value) => {
      setOwn(out, filled, value);
    };
  }
  const container = filled.slice(0, dot);
  const key = filled.slice(dot + 1);
  return (out, value) => {
    const members = Object.hasOwn(out, container) ? out[container] : undefined;
    if (ownsIt && isJsonObject(members)) {
      setOwn(members, key, value);
      return;
    }
    const copy: MutableJsonObject = isJsonObject(members) ? { ...members } : {};
    setOwn(copy, key, value);
    setOwn(out, container, copy);
  };
}
