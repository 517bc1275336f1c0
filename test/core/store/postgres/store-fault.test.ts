import { describe, expect, it } from '@jest/globals';
import { DatabaseError } from 'pg';

import { toStoreFault } from '../../../../src/core/store/postgres/store-fault.js';

describe('what a failed call to PostgreSQL means', () => {
  it.each([
    ['53100', 'StoreFull'],
    ['42P01', 'StoreBroken'],
    ['42703', 'StoreBroken'],
    ['57P01', 'StoreUnavailable'],
    ['53300', 'StoreUnavailable'],
    ['40P01', 'StoreUnavailable'],
    ['25006', 'StoreUnavailable'],
    ['XX000', 'StoreUnavailable'],
    [undefined, 'StoreUnavailable'],
  ])('is told by its code: %s is %s', (code, name) => {
    const error = new DatabaseError('it failed', 9, 'error');
    error.code = code;
    const fault = toStoreFault(error);
    expect(fault.name).toBe(name);
    expect(fault.message).toContain('it failed');
    expect(fault.cause).toBe(error);
  });

  it('is told without what is stored', () => {
    const error = new DatabaseError('it failed', 9, 'error');
    error.detail = 'Failing row contains (ann@example.com)';
    error.where = 'JSON data, line 1: ann@example.com';
    const fault = toStoreFault(error);
    expect(JSON.stringify([fault, fault.cause])).not.toContain('ann');
  });

  it('is that the server can not be reached, where it did not answer', () => {
    expect(toStoreFault(new Error('connect ECONNREFUSED')).name).toBe('StoreUnavailable');
    expect(toStoreFault('odd').name).toBe('StoreUnavailable');
  });
});
