import { fork, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/** A process of this benchmark that answers questions, one at a time. It ends when this one does. */
export class Child<Question extends object, Answer extends object> {
  readonly #process: ChildProcess;
  readonly #ended: Promise<unknown>;

  /** @param module a file beside this one. Node's own flags are passed on to it, `--cpu-prof` for one. */
  constructor(
    private readonly module: string,
    ...args: readonly string[]
  ) {
    const execArgv = [...process.execArgv, '--expose-gc'];
    this.#process = fork(fileURLToPath(new URL(module, import.meta.url)), args, { execArgv });
    this.#ended = once(this.#process, 'exit');
  }

  /** Rejects when the process ends first. */
  async ask(question: Question): Promise<Answer> {
    const answered = once(this.#process, 'message');
    this.#process.send(question);
    const ended = this.#ended.then(() => {
      throw new Error(`${this.module} ended with ${String(this.#process.exitCode ?? this.#process.signalCode)}`);
    });
    const [answer] = (await Promise.race([answered, ended])) as [Answer];
    return answer;
  }

  async end(): Promise<void> {
    if (this.#process.connected) this.#process.disconnect();
    await this.#ended;
  }
}
