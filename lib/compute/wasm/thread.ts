/**
 * What a thread does, and how it and its owner talk through shared memory.
 *
 * A program is a list of jobs. Every thread walks through all of them: it takes chunks of a job, half
 * of the threads from the front and half from the back, and goes on when the job's count of finished
 * chunks is full. Thus jobs run in order, no thread leads, and a slow one holds the others up by one
 * chunk at most. Chunks go along rows: what a thread has written, it mostly reads again in the next
 * job, from its own cache.
 *
 * @module
 */

import { CONSTANTS, F32_BYTES, JOB_WORDS } from "../ops/job.ts";

/** Where things lie in the first bytes of the memory, in words of four bytes. */
export const WORDS = {
  /** Counts programs; threads wait for it to change. */
  program: 0,
  /** How many jobs the program has. */
  jobs: 1,
  /** Threads that have not yet finished the program. */
  working: 2,
  /** The address of the first thread's own memory. */
  scratch: 3,
  /** Bytes from one thread's own memory to the next. */
  scratchStride: 4,
  /** Counts the times that threads were started; those of an earlier time end. */
  generation: 5,
  /** The first job; a job has `jobWords`. */
  firstJob: (CONSTANTS.address + CONSTANTS.bytes) / F32_BYTES,
  /** Words of a job. */
  jobWords: JOB_WORDS,
} as const;

/** Most jobs of a program. */
export const MAX_JOBS = 1024;

/** Bytes at the beginning of the memory that this file describes. */
export const CONTROL_BYTES = (WORDS.firstJob + MAX_JOBS * JOB_WORDS) * F32_BYTES;

/** What a thread is told when it starts. */
export interface ThreadStart {
  /** The kernels. */
  readonly module: WebAssembly.Module;
  /** What they work on. */
  readonly memory: WebAssembly.Memory;
  /** Names of the kernels, in the order of their numbers. */
  readonly kernels: readonly string[];
  /** The thread's number, from 0. */
  readonly index: number;
  /** The counts of programs and of generations at its start. */
  readonly counts: { readonly program: number; readonly generation: number };
  /** {@linkcode WORDS} */
  readonly words: typeof WORDS;
}

/** What a thread tells: it is ready, the program is finished, or it failed and has ended. */
export type ThreadReport = "ready" | "finished" | { readonly failure: string };

/**
 * The whole program of a thread. Its text is what a worker is started from, so that it needs no
 * file of its own: it must not refer to anything outside itself.
 */
export function threadMain(): void {
  const SPINS = 4000;
  const scope = globalThis as unknown as {
    onmessage: (event: { data: ThreadStart }) => void;
    postMessage(report: ThreadReport): void;
    close(): void;
  };

  const walk = ({ module, memory, kernels, index, counts, words: at }: ThreadStart) => {
    const { exports } = new WebAssembly.Instance(module, { env: { memory } });
    const run = kernels.map((name) =>
      exports[name] as (job: number, chunk: number, scratch: number) => void
    );
    const words = new Int32Array(memory.buffer);
    /** Waits until a word differs from a value: briefly by looking, then asleep. */
    const waitWhile = (word: number, value: number) => {
      for (let i = 0; i < SPINS; i++) if (Atomics.load(words, word) !== value) return;
      Atomics.wait(words, word, value);
    };
    const runJob = (job: number, scratch: number) => {
      const [kernel, chunks] = [run[words[job]!]!, words[job + 1]!];
      const [taken, done] = [job + 2, job + 3];
      const fromBack = index % 2 === 1;
      const side = job + (fromBack ? 5 : 4);
      while (Atomics.add(words, taken, 1) < chunks) {
        const turn = Atomics.add(words, side, 1);
        kernel(job * 4, fromBack ? chunks - 1 - turn : turn, scratch);
        if (Atomics.add(words, done, 1) === chunks - 1) Atomics.notify(words, done);
      }
      for (let count; (count = Atomics.load(words, done)) < chunks;) waitWhile(done, count);
    };

    let { program } = counts;
    scope.postMessage("ready");
    while (true) {
      waitWhile(at.program, program);
      const next = Atomics.load(words, at.program);
      if (Atomics.load(words, at.generation) !== counts.generation) return;
      if (next === program) continue;
      program = next;
      const scratch = words[at.scratch]! + index * words[at.scratchStride]!;
      const end = at.firstJob + words[at.jobs]! * at.jobWords;
      for (let job = at.firstJob as number; job < end; job += at.jobWords) runJob(job, scratch);
      if (Atomics.sub(words, at.working, 1) === 1) scope.postMessage("finished");
    }
  };

  scope.onmessage = ({ data }) => {
    try {
      walk(data);
    } catch (error) {
      scope.postMessage({ failure: String(error) });
    }
    scope.close();
  };
}
