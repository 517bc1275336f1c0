import { setTimeout as sleep } from 'node:timers/promises';

interface Health {
  /** Operations in memory. */
  readonly backlog: number;
  /** What waits on disk. */
  readonly stored: { readonly events: number };
}

export interface WaitOptions {
  readonly signal: AbortSignal;
  readonly timeoutMs?: number;
  readonly pollMs?: number;
}

/** The service looks up once a second what is stored: what it says at two looks further apart is so. */
const staleMs = 1_100;

/** Resolves when the service has nothing left to deliver; rejects when that takes longer than `timeoutMs`. */
export async function waitUntilSettled(
  operatorUrl: string,
  { signal, timeoutMs = 120_000, pollMs = 100 }: WaitOptions,
): Promise<void> {
  const startedAt = performance.now();
  let emptySince: number | undefined;
  for (;;) {
    const { backlog, stored } = await readHealth(operatorUrl, signal);
    const now = performance.now();
    emptySince = backlog === 0 && stored.events === 0 ? (emptySince ?? now) : undefined;
    if (emptySince !== undefined && now - emptySince >= staleMs) return;
    if (now - startedAt > timeoutMs) {
      const left = `${stored.events} events are stored and ${backlog} operations in memory`;
      throw new Error(`not everything was delivered within ${timeoutMs / 1000} s: ${left}`);
    }
    await sleep(pollMs, undefined, { signal });
  }
}

async function readHealth(operatorUrl: string, signal: AbortSignal): Promise<Health> {
  const response = await fetch(`${operatorUrl}/health`, { signal });
  const text = await response.text();
  if (!response.ok) throw new Error(`GET ${operatorUrl}/health: ${response.status} ${text.slice(0, 500)}`);
  return JSON.parse(text) as Health;
}
