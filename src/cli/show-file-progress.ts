import { SingleBar } from 'cli-progress';

import type { BackfillProgress } from '../service/backfill/run-backfill.js';
import { duration } from './backfill-report.js';

export interface ShownProgress {
  update(progress: BackfillProgress): void;
  stop(): void;
}

/** Between two lines where there is no terminal. */
const lineMs = 10_000;
/** The rate is that of the time before: a limit of so many a minute lets them go in a rush, and then none. */
const windowMs = 60_000;

interface Sample {
  readonly at: number;
  readonly position: number;
  readonly taken: number;
}

/** A bar on a terminal; elsewhere a line every 10 s. */
export function showFileProgress(
  output: NodeJS.WriteStream,
  now: () => number = () => performance.now(),
): ShownProgress {
  const samples: Sample[] = [];
  const bar = output.isTTY
    ? new SingleBar({ format: '{bar} {percentage} % | {text}', hideCursor: true, stream: output, barsize: 20 })
    : undefined;
  let toldAt = now();
  let isStarted = false;
  return {
    update: (progress) => {
      const text = describe(progress, samples, now());
      if (bar !== undefined) {
        if (!isStarted) bar.start(progress.size, 0, { text });
        isStarted = true;
        bar.update(progress.position, { text });
      } else if (now() - toldAt >= lineMs) {
        toldAt = now();
        const percent = Math.floor((100 * progress.position) / Math.max(1, progress.size));
        output.write(`${percent} % | ${text}\n`);
      }
    },
    stop: () => {
      if (isStarted) bar?.stop();
    },
  };
}

function describe(
  { position, size, taken, rejected, waitingFor }: BackfillProgress,
  samples: Sample[],
  at: number,
): string {
  samples.push({ at, position, taken });
  while (samples.length > 2 && (samples[0]?.at ?? at) < at - windowMs) samples.shift();
  const first = samples[0] ?? { at, position, taken };
  const seconds = (at - first.at) / 1000;
  const perSecond = seconds > 0 ? (taken - first.taken) / seconds : 0;
  const bytesPerSecond = seconds > 0 ? (position - first.position) / seconds : 0;
  const left = bytesPerSecond > 0 ? `${duration((size - position) / bytesPerSecond)} left` : 'no end in sight';
  return [
    `${taken} events`,
    `${Math.round(perSecond)}/s`,
    left,
    `${rejected} rejected`,
    ...(waitingFor === undefined ? [] : [`waiting: ${waitingFor}`]),
  ].join(' | ');
}
