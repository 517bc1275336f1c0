interface Run<Outcome> {
  readonly outcome: Promise<Outcome>;
  readonly abort: AbortController;
  askers: number;
}

/**
 * Lets everybody who asks for the same thing at the same time share one run of it. An asker whose signal is aborted
 * leaves; the run itself is aborted when the last of them has left. Two runs of one key never overlap: who comes while
 * an abandoned run is still ending waits for its end and starts another.
 */
export class SharedRuns<Outcome> {
  readonly #runs = new Map<string, Run<Outcome>>();

  /** @returns the run's outcome, or `left` when `signal` was aborted before there was one. */
  async join(
    key: string,
    work: (signal: AbortSignal) => Promise<Outcome>,
    signal: AbortSignal,
  ): Promise<Outcome | 'left'> {
    for (let ending = this.#abandoned(key); ending !== undefined; ending = this.#abandoned(key)) {
      await ending.catch(() => undefined);
    }
    if (signal.aborted) return 'left';
    const run = this.#runs.get(key) ?? this.#start(key, work);
    run.askers += 1;
    let leave: () => void = () => undefined;
    const left = new Promise<'left'>((resolve) => {
      leave = () => {
        resolve('left');
      };
    });
    signal.addEventListener('abort', leave);
    try {
      return await Promise.race([run.outcome, left]);
    } finally {
      signal.removeEventListener('abort', leave);
      run.askers -= 1;
      if (run.askers === 0) run.abort.abort();
    }
  }

  #abandoned(key: string): Promise<Outcome> | undefined {
    const run = this.#runs.get(key);
    return run?.abort.signal.aborted === true ? run.outcome : undefined;
  }

  #start(key: string, work: (signal: AbortSignal) => Promise<Outcome>): Run<Outcome> {
    const abort = new AbortController();
    const outcome = work(abort.signal).finally(() => {
      this.#runs.delete(key);
    });
    const run = { outcome, abort, askers: 0 };
    this.#runs.set(key, run);
    return run;
  }
}
