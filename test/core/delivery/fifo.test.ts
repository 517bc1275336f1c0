import { describe, expect, it } from '@jest/globals';
import fc from 'fast-check';

import { Fifo } from '../../../src/core/delivery/fifo.js';

/** One step, done to the queue and to a plain array that says what is right. */
type Step = (fifo: Fifo<number>, model: number[], number: number) => void;

const steps: Readonly<Record<string, Step>> = {
  push: (fifo, model, number) => {
    fifo.push(number);
    model.push(number);
  },
  shift: (fifo, model) => {
    expect(fifo.shift()).toBe(model.shift());
  },
  unshift: (fifo, model, number) => {
    fifo.unshift(number);
    model.unshift(number);
  },
  putBack: (fifo, model) => {
    const item = fifo.shift();
    model.shift();
    if (item === undefined) return;
    fifo.unshift(item);
    model.unshift(item);
  },
  removeFront: (fifo, model) => {
    expect(fifo.remove(model[0] ?? -1)).toBe(model.length > 0);
    model.shift();
  },
  removeAnywhere: (fifo, model, number) => {
    const index = number % Math.max(1, model.length);
    expect(fifo.remove(model[index] ?? -1)).toBe(model.length > 0);
    model.splice(index, 1);
  },
  removeAbsent: (fifo) => {
    expect(fifo.remove(-1)).toBe(false);
  },
};

/** Texts: comparing long arrays item by item takes a test long. */
function view(fifo: Fifo<number>): string {
  const { length, front } = fifo;
  return [length, front, fifo.at(0), fifo.at(length - 1), fifo.at(length), ':', ...fifo].join();
}

function viewOf(model: readonly number[]): string {
  return [model.length, model[0], model[0], model.at(-1), undefined, ':', ...model].join();
}

describe('a fifo', () => {
  it('holds what an array would, whatever is done to it', () => {
    fc.assert(
      fc.property(fc.array(fc.constantFrom(...Object.values(steps)), { maxLength: 60, size: 'max' }), (walk) => {
        const fifo = new Fifo<number>();
        const model: number[] = [];
        walk.forEach((step, number) => {
          step(fifo, model, number);
          expect(view(fifo)).toBe(viewOf(model));
        });
      }),
    );
  });

  it('stays right where it moves what is left to the beginning of its array', () => {
    const fifo = new Fifo<number>();
    const model: number[] = [];
    for (let number = 0; number < 5_000; number += 1) {
      fifo.push(number);
      model.push(number);
    }
    const shifted = Array.from({ length: 4_900 }, () => fifo.shift());
    expect(shifted.join()).toBe(model.splice(0, 4_900).join());
    expect(view(fifo)).toBe(viewOf(model));
    fifo.unshift(-1);
    fifo.remove(4_950);
    expect(view(fifo)).toBe(viewOf([-1, ...model.filter((number) => number !== 4_950)]));
  });
});
