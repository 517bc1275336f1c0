import type { Clock } from '../../core/clock.js';
import type { CompiledConnection } from '../../core/compiled-connection.js';
import { noCounts, type BackfillCounts } from './backfill-counts.js';
import { BackfillStopped } from './backfill-stopped.js';
import type { BackfillTarget } from './backfill-target.js';
import { readCheckpoint, requireSame, writeCheckpoint, type BackfillIdentity, type Checkpoint } from './checkpoint.js';
import { inspectFile, type InputFile } from './input-file.js';
import { prepareLine } from './prepare-line.js';
import { readRecords, type InputRecord } from './read-records.js';
import { RejectFile } from './reject-file.js';
import { SettledLines } from './settled-lines.js';

export interface BackfillJob {
  /** One event a line; gzip is told by its first bytes. */
  readonly file: string;
  readonly checkpoint: string;
  readonly rejects: string;
  readonly connection: CompiledConnection;
  /** Where the events go, as the checkpoint names it: `the store /var/lib/heap, us:9000000101`. */
  readonly destination: string;
  readonly openTarget: () => Promise<BackfillTarget>;
  /** Begins anew, whatever the checkpoint says. */
  readonly restart: boolean;
  /** Events without any time get the one at which the backfill began, instead of being rejected. */
  readonly takesMissingTimes: boolean;
  /** Rejects at which it stops; Infinity for none. */
  readonly maxRejects: number;
  /** Longest JSON text of one event, in characters. */
  readonly maxEventLength: number;
  readonly clock: Clock;
  /** Stops it: nothing more is read, what is under way is waited for. */
  readonly signal: AbortSignal;
  /** Called a few times a second. */
  readonly onProgress: (progress: BackfillProgress) => void;
}

export interface BackfillProgress {
  /** Of the file, so far; both in bytes on disk. */
  readonly position: number;
  readonly size: number;
  /** Events that are stored, or at Heap; from the beginning of the file. */
  readonly taken: number;
  readonly rejected: number;
  /** What is waited for now, in words for a person. */
  readonly waitingFor: string | undefined;
}

export interface BackfillResult {
  /** `finished before`: a former run had finished it, and nothing was done now. */
  readonly outcome: 'finished' | 'finished before' | 'stopped';
  /** Why it stopped; empty otherwise. */
  readonly why: string;
  /** From the beginning of the file, all runs together. */
  readonly counts: BackfillCounts;
}

const saveMs = 1_000;
const progressMs = 250;
/** Of what was read and can't be passed yet; more is not read before it is. */
const maxOpenLines = 100_000;
const maxOpenLength = 64 * 1024 * 1024;
/** Characters of rejects that wait for the next save. */
const maxRejectsLength = 4 * 1024 * 1024;

/**
 * Brings the events of a file to where they shall go, from where an earlier run of the same left off. When it ends,
 * however it ends, the checkpoint says up to where everything is stored or settled; while it runs the checkpoint is about
 * a second old, so that a process that is killed repeats that second, under the same ids.
 *
 * @throws BackfillRefused when nothing was done: there is no such file, or the checkpoint is of something else.
 */
export async function runBackfill(job: BackfillJob): Promise<BackfillResult> {
  const file = await inspectFile(job.file);
  const { size, fingerprint } = file;
  const identity = { size, fingerprint, connection: job.connection.id, destination: job.destination };
  const prior = job.restart ? undefined : await readCheckpoint(job.checkpoint);
  if (prior !== undefined) requireSame(job.checkpoint, prior, identity);
  if (prior?.isFinished === true) return { outcome: 'finished before', why: '', counts: prior.counts };
  const target = await job.openTarget();
  const rejects = await RejectFile.open(job.rejects, job.restart ? 0 : prior?.rejectsBytes).catch(
    async (error: unknown) => {
      await target.stop();
      throw error;
    },
  );
  return new BackfillRun(job, file, identity, prior, rejects, target).run();
}

class BackfillRun {
  readonly #lines: SettledLines;
  readonly #startedAt: number;
  #saving: Promise<void> = Promise.resolve();
  /** Why the last save failed; none is tried after it. */
  #saveFault: BackfillStopped | undefined;

  constructor(
    private readonly job: BackfillJob,
    private readonly file: InputFile,
    private readonly identity: BackfillIdentity,
    prior: Checkpoint | undefined,
    private readonly rejects: RejectFile,
    private readonly target: BackfillTarget,
  ) {
    this.#startedAt = prior?.startedAt ?? job.clock.now();
    this.#lines = new SettledLines({ line: prior?.line ?? 0, offset: prior?.offset ?? 0 }, prior?.counts ?? noCounts);
  }

  async run(): Promise<BackfillResult> {
    // Rejects that no checkpoint knows would be in the way of the next run.
    await this.#save(false);
    const timers = [
      this.#every(saveMs, () => this.#save(false)),
      this.#every(progressMs, () => {
        this.#tell();
      }),
    ];
    let why = 'of a fault of this program';
    try {
      why = await this.#work();
    } finally {
      for (const cancel of timers) cancel();
      await this.target.stop();
      await this.#save(why === '' && this.#lines.open === 0);
      await this.rejects.close();
    }
    this.#tell();
    why ||= this.#saveFault?.message ?? '';
    return { outcome: why === '' ? 'finished' : 'stopped', why, counts: this.#lines.counts };
  }

  /** @returns why it stopped, or nothing when it is finished. */
  async #work(): Promise<string> {
    const { job, target } = this;
    try {
      for await (const record of readRecords(this.file, this.#lines.place, job.maxEventLength)) {
        if (job.signal.aborted) return 'it was interrupted';
        if (this.#saveFault !== undefined) throw this.#saveFault;
        await this.#take(record);
      }
      await target.flush();
      return '';
    } catch (error) {
      if (!(error instanceof BackfillStopped)) throw error;
      // Of a file that is damaged further on, and of one with too many rejects, what was read is as good as any.
      if (!job.signal.aborted) await target.flush().catch(() => undefined);
      return error.message;
    }
  }

  async #take(record: InputRecord): Promise<void> {
    const { connection, maxEventLength, takesMissingTimes } = this.job;
    const line = this.#lines.begin(record);
    const timeIfMissing = takesMissingTimes ? this.#startedAt : undefined;
    const prepared = prepareLine(record.line, record.text, { connection, maxEventLength, timeIfMissing });
    if (prepared.type === 'event') {
      const room = this.target.put(prepared, record.text?.length ?? 0, (outcome) => {
        this.#lines.settle(line, outcome);
      });
      if (room !== undefined) await room;
    } else {
      this.#lines.settle(line, prepared);
    }
    this.#checkRejects();
    if (this.#lines.open > maxOpenLines || this.#lines.openLength > maxOpenLength) await this.target.flush();
    if (this.#lines.rejectsLength > maxRejectsLength) await this.#save(false);
  }

  #checkRejects(): void {
    const { maxRejects, rejects } = this.job;
    if (this.#lines.rejected < maxRejects) return;
    throw new BackfillStopped(
      `${this.#lines.rejected} events were rejected (see ${rejects}); a higher --max-rejects goes on, 0 is no limit`,
    );
  }

  /** One after the other: rejects first, so that the checkpoint never knows of more than there is. Never rejects. */
  #save(isFinished: boolean): Promise<void> {
    this.#saving = this.#saving.then(async () => {
      if (this.#saveFault !== undefined) return;
      const texts = this.#lines.takeRejects();
      const { place, counts } = this.#lines;
      try {
        await this.rejects.append(texts);
        await writeCheckpoint(this.job.checkpoint, {
          ...{ version: 1, ...this.identity, startedAt: this.#startedAt },
          ...{ ...place, rejectsBytes: this.rejects.bytes, counts, isFinished },
        });
      } catch (error) {
        const message = error instanceof Error ? error.message : String(error);
        this.#saveFault = new BackfillStopped(`how far it came can not be written down: ${message}`);
      }
    });
    return this.#saving;
  }

  #tell(): void {
    const { position, taken, rejected } = this.#lines;
    const { waitingFor } = this.target;
    this.job.onProgress({ position, size: this.file.size, taken, rejected, waitingFor });
  }

  /** @returns ends it. */
  #every(ms: number, run: () => Promise<void> | void): () => void {
    let isOver = false;
    let cancel = (): void => undefined;
    const again = (): void => {
      if (isOver) return;
      cancel = this.job.clock.schedule(ms, () => {
        void Promise.resolve(run()).then(again);
      });
    };
    again();
    return () => {
      isOver = true;
      cancel();
    };
  }
}
