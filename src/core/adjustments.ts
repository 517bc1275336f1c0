import type { AdjustmentReason } from './reasons.js';

/**
 * Collects what was changed in one event on its way. Empty for most events, so the list is made on the first note only;
 * one note per reason is kept, with the first place it happened at.
 */
export class Adjustments {
  #notes: Map<AdjustmentReason, string> | undefined;

  note(reason: AdjustmentReason, where = ''): void {
    this.#notes ??= new Map();
    if (!this.#notes.has(reason)) this.#notes.set(reason, where.slice(0, 80));
  }

  get isEmpty(): boolean {
    return this.#notes === undefined;
  }

  /** The reasons in the order they were first noted. */
  reasons(): readonly AdjustmentReason[] {
    return this.#notes === undefined ? [] : [...this.#notes.keys()];
  }
}
