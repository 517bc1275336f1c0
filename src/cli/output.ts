import { once } from 'node:events';
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
  const onClosed = (error: NodeJS.ErrnoException): void => {
    if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    isClosed = true;
  };
  stream.on('error', onClosed);
  const closed = new Promise<void>((resolve) => {
    stream.once('close', resolve);
    stream.once('error', () => {
      resolve();
    });
  });
  return {
    write: async (line) => {
      if (isClosed) return false;
      if (!stream.write(`${line}\n`)) {
        const drained = new AbortController();
        await Promise.race([once(stream, 'drain', { signal: drained.signal }).catch(() => undefined), closed]);
        drained.abort();
      }
      return !isClosedNow();
    },
    end: () =>
      new Promise((resolve) => {
        if (isClosed) resolve();
        else
          stream.write('', () => {
            resolve();
          });
      }),
  };

  function isClosedNow(): boolean {
    return isClosed;
  }
}

/** One line to the person at the terminal, beside the command's output. */
export function tell(message: string): void {
  process.stderr.write(`${message}\n`);
}
