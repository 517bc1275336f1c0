import { SingleBar } from 'cli-progress';

export interface Progress {
  update(events: number): void;
  stop(): void;
}

const eventsPerLine = 500;

/** A bar on a terminal; elsewhere a line for every 500 events. */
export function showProgress(total: number, output: NodeJS.WriteStream): Progress {
  if (!output.isTTY) {
    let shown = 0;
    return {
      update: (events) => {
        if (events - shown < eventsPerLine) return;
        shown = events - (events % eventsPerLine);
        output.write(`  ${events} of ${total} events\n`);
      },
      stop: () => undefined,
    };
  }
  const bar = new SingleBar({ format: '  {bar} {value} of {total} events', hideCursor: true, stream: output });
  bar.start(total, 0);
  return {
    update: (events) => {
      bar.update(events);
    },
    stop: () => {
      bar.stop();
    },
  };
}
