import type { RateLimit } from './limits.js';
import { SlidingWindow } from './sliding-window.js';

/**
 * One sliding window per key, forgetting the idle ones: windows live in two generations that rotate once per window
 * length, and a window that was not used for two rotations is empty anyway. No sweep, O(1) per use.
 */
export class KeyedWindows {
  private current = new Map<string, SlidingWindow>();
  private previous = new Map<string, SlidingWindow>();
  private rotatedAt = Number.NEGATIVE_INFINITY;

  constructor(private readonly limit: RateLimit) {}

  window(key: string, now: number): SlidingWindow {
    if (now - this.rotatedAt >= this.limit.windowMs) {
      this.previous = this.current;
      this.current = new Map();
      this.rotatedAt = now;
    }
    let window = this.current.get(key);
    if (window === undefined) {
      window = this.previous.get(key) ?? new SlidingWindow(this.limit);
      this.current.set(key, window);
    }
    return window;
  }

  get size(): number {
    return this.current.size + this.previous.size;
  }
}
