import { faultKind, type FaultAction, type FaultKind, type FaultRule } from './fault-rule.js';
import type { Random } from './seeded-random.js';

/** What fault matching needs to know of a request. */
export interface FaultTarget {
  readonly path: string;
  readonly appId: string | undefined;
  /** Whether an item has this event name or idempotency key. */
  contains(eventOrKey: string): boolean;
}

/** What the faults do to one request. */
export interface FaultDecision {
  readonly latencyMs: number;
  /** The one action that decides how the answer goes wrong, if any. */
  readonly action: FaultAction | undefined;
  /** The rules that struck, for the statistics. */
  readonly kinds: readonly FaultKind[];
}

/** A rule with its counters. */
export interface ActiveFault {
  readonly id: number;
  readonly rule: FaultRule;
  /** Requests that matched, struck or not. */
  readonly seen: number;
  /** Requests that it struck. */
  readonly applied: number;
}

/**
 * The fault rules in force. They are tried in order: latencies of all matching rules add up, and of the rules that do
 * more than delay, the first one that strikes wins; those after it do not see the request.
 */
export class Faults {
  private rules: { -readonly [Key in keyof ActiveFault]: ActiveFault[Key] }[] = [];
  private nextId = 1;

  constructor(private readonly random: Random) {}

  list(): readonly ActiveFault[] {
    return this.rules.map((fault) => ({ ...fault }));
  }

  replace(rules: readonly FaultRule[]): void {
    this.rules = [];
    this.add(...rules);
  }

  add(...rules: readonly FaultRule[]): void {
    for (const rule of rules) this.rules.push({ id: this.nextId++, rule, seen: 0, applied: 0 });
  }

  clear(): void {
    this.rules = [];
  }

  /** `describe` is called only when there are rules: without faults, requests cost nothing extra. */
  decide(describe: () => FaultTarget): FaultDecision | undefined {
    if (this.rules.length === 0) return undefined;
    const target = describe();
    let latencyMs = 0;
    let action: FaultAction | undefined;
    const kinds: FaultKind[] = [];
    for (const fault of this.rules) {
      const kind = faultKind(fault.rule.action);
      if (action !== undefined && kind !== 'latency') continue;
      if (!matches(fault.rule, target)) continue;
      fault.seen++;
      if (!this.strikes(fault)) continue;
      fault.applied++;
      kinds.push(kind);
      latencyMs += this.latencyOf(fault.rule.action);
      if (kind !== 'latency') action = fault.rule.action;
    }
    return kinds.length === 0 ? undefined : { latencyMs, action, kinds };
  }

  private strikes({ rule: { match = {} }, seen, applied }: ActiveFault): boolean {
    const { after = 0, times = Number.POSITIVE_INFINITY, probability = 1 } = match;
    return seen > after && applied < times && (probability >= 1 || this.random() < probability);
  }

  private latencyOf({ latencyMs = 0 }: FaultAction): number {
    if (typeof latencyMs === 'number') return latencyMs;
    const [min, max] = latencyMs;
    return min + this.random() * (max - min);
  }
}

function matches({ match = {} }: FaultRule, target: FaultTarget): boolean {
  const { appId, path, itemEvent } = match;
  if (appId !== undefined && appId !== target.appId) return false;
  if (path !== undefined && !matchesPath(path, target.path)) return false;
  return itemEvent === undefined || target.contains(itemEvent);
}

function matchesPath(pattern: string, path: string): boolean {
  return pattern.endsWith('*') ? path.startsWith(pattern.slice(0, -1)) : path === pattern;
}
