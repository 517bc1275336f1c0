import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { PoisonGuard, type PoisonFinding, type PoisonPolicy } from '../../../src/core/delivery/poison-guard.js';
import { refusalSignature } from '../../../src/core/delivery/refusal-signature.js';

const policy: PoisonPolicy = { share: 0.3, atLeast: 50, window: 200 };

function reject(guard: PoisonGuard, count: number, detail: (index: number) => string): (PoisonFinding | undefined)[] {
  return Array.from({ length: count }, (_, index) => guard.onRejected(detail(index)));
}

describe('the poison guard', () => {
  it('finds that more than the share was rejected in the same words', () => {
    const guard = new PoisonGuard(policy);
    guard.onDelivered(140);
    const findings = reject(guard, 61, (index) => `events[${index}].event: must be a string`);
    expect(findings.slice(0, 60).every((finding) => finding === undefined)).toBe(true);
    expect(findings[60]).toEqual({ signature: 'events[#].event: must be a string', rejected: 61, decided: 200 });
  });

  it('says nothing of fewer operations than it needs', () => {
    const guard = new PoisonGuard(policy);
    const findings = reject(guard, 50, () => 'bad');
    expect(findings.slice(0, 49).every((finding) => finding === undefined)).toBe(true);
    expect(findings[49]).toEqual({ signature: 'bad', rejected: 50, decided: 50 });
  });

  it('takes refusals for different reasons for single poisoned operations', () => {
    const guard = new PoisonGuard(policy);
    const words = ['too long', 'too old', 'no name', 'no identity'];
    expect(reject(guard, 1_000, (index) => words[index % 4] ?? '').some((finding) => finding !== undefined)).toBe(
      false,
    );
  });

  it('looks at the latest operations only', () => {
    const guard = new PoisonGuard(policy);
    guard.onDelivered(100);
    reject(guard, 40, () => 'bad');
    guard.onDelivered(160);
    const findings = reject(guard, 61, () => 'bad');
    expect(findings.findIndex((finding) => finding !== undefined)).toBe(60);
  });

  it('counts a delivery of any size in no more time than its window', () => {
    const guard = new PoisonGuard(policy);
    reject(guard, 49, () => 'bad');
    guard.onDelivered(Number.MAX_SAFE_INTEGER);
    expect(guard.onRejected('bad')).toBeUndefined();
  });

  it('goes on about it until a person has accepted it, and then finds it no more', () => {
    const guard = new PoisonGuard(policy);
    expect(reject(guard, 52, () => 'bad').filter((finding) => finding !== undefined)).toHaveLength(3);
    guard.accept('bad');
    expect(reject(guard, 1_000, () => 'bad').some((finding) => finding !== undefined)).toBe(false);
  });

  it('counts afresh when one was accepted: what came before blames no other', () => {
    const guard = new PoisonGuard(policy);
    reject(guard, 30, () => 'other');
    reject(guard, 50, () => 'bad');
    guard.accept('bad');
    const findings = reject(guard, 50, () => 'other');
    expect(findings.findIndex((finding) => finding !== undefined)).toBe(49);
    expect(findings[49]).toEqual({ signature: 'other', rejected: 50, decided: 50 });
  });

  it('takes what was accepted for new again once it was rare for a whole window', () => {
    const guard = new PoisonGuard({ share: 0.3, atLeast: 50, window: 200 });
    guard.accept(refusalSignature('HTTP 400 {}'));
    const refuse = (count: number) => Array.from({ length: count }, () => guard.onRejected('HTTP 400 {}'));
    expect(refuse(150).some((finding) => finding !== undefined)).toBe(false);
    guard.onDelivered(200);
    guard.onDelivered(200);
    expect(refuse(150).some((finding) => finding !== undefined)).toBe(true);
  });

  it('finds just what counting by hand finds', () => {
    const step = fc.oneof(
      fc.record({ delivered: fc.nat(30) }),
      fc.record({ rejected: fc.constantFrom('one', 'two', 'three') }),
      fc.record({ accepted: fc.constant('one') }),
    );
    const anyPolicy = fc.record({
      share: fc.constantFrom(0, 0.25, 0.5, 0.75),
      atLeast: fc.integer({ min: 1, max: 10 }),
      window: fc.integer({ min: 10, max: 30 }),
    });
    fc.assert(
      fc.property(anyPolicy, fc.array(step, { maxLength: 100 }), (any, steps) => {
        const guard = new PoisonGuard(any);
        const accepted = new Set<string>();
        let all: string[] = [];
        /** At the end of every window what was accepted and is rare is forgotten. */
        const decide = (outcome: string): void => {
          all.push(outcome);
          if (all.length % any.window !== 0) return;
          for (const signature of accepted) {
            const count = all.slice(-any.window).filter((one) => one === signature).length;
            if (count / any.window <= any.share / 2) accepted.delete(signature);
          }
        };
        for (const now of steps) {
          if ('delivered' in now) {
            guard.onDelivered(now.delivered);
            for (let count = 0; count < Math.min(now.delivered, any.window); count += 1) decide('delivered');
          } else if ('accepted' in now) {
            guard.accept(now.accepted);
            accepted.add(now.accepted);
            all = [];
          } else {
            const signature = now.rejected;
            decide(signature);
            const latest = all.slice(-any.window);
            const decided = latest.length;
            const rejected = latest.filter((one) => one === signature).length;
            const isFinding = decided >= any.atLeast && rejected / decided > any.share && !accepted.has(signature);
            expect(guard.onRejected(signature)).toEqual(isFinding ? { signature, rejected, decided } : undefined);
          }
        }
      }),
    );
  });
});
