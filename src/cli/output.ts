import type { Writable } from 'node:stream';

/** Writes lines at the reader's pace. */
export interface LineWriter {
  /** False when nobody reads any more: the command stops. */
  write(line: string): Promise<boolean>;
  /** Resolves when everything written has left. */
  end(): Promise<void>;
}

/** A closed pipe (`| head`) is an ordinary end, not an error. */
export function lineWriter(stream: Writable): LineWriter {
  let isClosed = false;
  let wake: (() => void) | undefined;
  const close = (): void => {
    isClosed = true;
    wake?.();
  };
  stream.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    close();
  });
  stream.on('close', close);
  stream.on('drain', () => wake?.());
  const isOpen = (): boolean => !isClosed;
  return {
    write: async (line) => {
      if (!isOpen()) return false;
      if (!stream.write(`${line}\n`)) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
        wake = undefined;
      }
      return isOpen();
    },
    end: () =>
      new Promise((resolve) => {
        if (!isOpen()) {
          resolve();
          return;
        }
        stream.write('', () => {
          resolve();
        });
      }),
  };
}

/** One line to the person at the terminal, beside the command's output. */
export function tell(message: string): void {
  process.stderr.write(`${message}\n`);
}
