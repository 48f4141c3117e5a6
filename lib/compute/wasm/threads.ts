/**
 * Threads that run jobs on a shared memory: workers, so that the caller's own thread stays free.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { type Job, JOB_HEADER_WORDS, JOB_WORDS } from "../ops/job.ts";
import type { Heap } from "./heap.ts";
import { threadMain, type ThreadReport, type ThreadStart, WORDS } from "./thread.ts";

/** How long threads stay without work, in milliseconds; a live one keeps the process from ending. */
const IDLE_MS = 2000;

/** Someone who waits for the threads. */
interface Waiting {
  readonly resolve: () => void;
  readonly reject: (error: DeviceError) => void;
}

/** Some threads; they start when there is work, and end when there has been none for a while. */
export class Threads {
  /** How many there are when they run. */
  readonly count: number;

  readonly #heap: Heap;
  readonly #module: WebAssembly.Module;
  readonly #kernels: readonly string[];
  readonly #words: Int32Array;
  #workers: Worker[] = [];
  #started: Promise<void> | undefined;
  #ready = 0;
  #waiting: Waiting | undefined;
  #idle: ReturnType<typeof setTimeout> | undefined;
  #scratch = { address: 0, bytes: 0 };
  #failure: DeviceError | undefined;

  /**
   * Prepares threads; none runs yet.
   *
   * @param heap The memory that they share; its first bytes are the threads' own.
   * @param module The kernels.
   * @param count How many threads.
   */
  constructor(heap: Heap, module: WebAssembly.Module, count: number) {
    this.#heap = heap;
    this.#module = module;
    this.count = count;
    this.#kernels = WebAssembly.Module.exports(module).map(({ name }) => name);
    this.#words = new Int32Array(heap.memory.buffer);
  }

  /** Whether they run. */
  get running(): boolean {
    return this.#workers.length > 0;
  }

  /** Starts the threads, unless they run: the first program then need not wait for it. */
  start(): Promise<void> {
    this.#started ??= this.#launch();
    this.#started.catch(() => {}); // whoever runs a program hears of it
    return this.#started;
  }

  /**
   * Runs jobs in order.
   *
   * @param jobs The jobs, one to `MAX_JOBS`.
   * @throws {DeviceError} When a kernel or thread fails, now or earlier, or the threads are ended.
   */
  async run(jobs: readonly Job[]): Promise<void> {
    clearTimeout(this.#idle);
    this.#reserveScratch(Math.max(...jobs.map(({ scratchBytes }) => scratchBytes)));
    await this.start();
    if (this.#failure !== undefined) throw this.#failure;
    clearTimeout(this.#idle);
    this.#writeJobs(jobs);
    const words = this.#words;
    words[WORDS.jobs] = jobs.length;
    words[WORDS.scratch] = this.#scratch.address;
    words[WORDS.scratchStride] = this.#scratch.bytes;
    Atomics.store(words, WORDS.working, this.count);
    await this.#wait(() => {
      Atomics.add(words, WORDS.program, 1);
      Atomics.notify(words, WORDS.program);
    });
    this.#rest();
  }

  /**
   * Ends the threads at once; whoever waits for them gets an error.
   *
   * @param error What they get.
   */
  end(error: DeviceError): void {
    this.#failure ??= error;
    this.#stop();
    this.#waiting?.reject(this.#failure);
    this.#waiting = undefined;
  }

  async #launch(): Promise<void> {
    if (this.#failure !== undefined) throw this.#failure;
    this.#ready = 0;
    const source = new Blob([`(${threadMain})()`], { type: "text/javascript" });
    const url = URL.createObjectURL(source);
    try {
      await this.#wait(() => {
        for (let index = 0; index < this.count; index++) {
          this.#workers.push(this.#spawn(url, index));
        }
      });
    } catch (cause) { // a page may forbid workers of this kind
      throw cause instanceof DeviceError ? cause : failure(String(cause), cause);
    } finally {
      URL.revokeObjectURL(url);
    }
    this.#rest();
  }

  #spawn(url: string, index: number): Worker {
    const worker = new Worker(url, { type: "module", name: `tinygraft thread ${index}` });
    const hear = (report: ThreadReport) => {
      if (this.#workers.includes(worker)) this.#hear(report); // else it is of an earlier time
    };
    worker.onmessage = ({ data }: MessageEvent<ThreadReport>) => hear(data);
    worker.onerror = (event) => {
      event.preventDefault(); // else the process ends
      hear({ failure: event.message });
    };
    const start: ThreadStart = {
      module: this.#module,
      memory: this.#heap.memory,
      kernels: this.#kernels,
      index,
      counts: {
        program: this.#words[WORDS.program]!,
        generation: this.#words[WORDS.generation]!,
      },
      words: WORDS,
    };
    worker.postMessage(start);
    return worker;
  }

  #hear(report: ThreadReport): void {
    if (report === "ready" && ++this.#ready < this.count) return;
    if (typeof report === "object") {
      this.end(failure(report.failure));
      return;
    }
    this.#waiting?.resolve();
    this.#waiting = undefined;
  }

  /** Does something and waits for the threads' answer to it. */
  #wait(act: () => void): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject };
      act();
    });
  }

  #writeJobs(jobs: readonly Job[]): void {
    const floats = new Float32Array(this.#words.buffer);
    for (const [i, { kernel, chunks, ints, floats: numbers }] of jobs.entries()) {
      const at = WORDS.firstJob + i * JOB_WORDS;
      const header = new Int32Array(JOB_HEADER_WORDS); // nothing taken, nothing done
      header.set([this.#kernels.indexOf(kernel), chunks]);
      this.#words.set(header, at);
      this.#words.set(ints, at + JOB_HEADER_WORDS); // from 2 GiB on they wrap, as they should
      floats.set(numbers, at + JOB_HEADER_WORDS + ints.length);
    }
  }

  #reserveScratch(bytes: number): void {
    if (bytes <= this.#scratch.bytes) return;
    if (this.#scratch.bytes > 0) this.#heap.give(this.#scratch.address);
    this.#scratch = { address: 0, bytes: 0 }; // should there be no memory
    const rounded = Math.ceil(bytes / 4096) * 4096;
    const address = this.#heap.take("memory of the threads", rounded * this.count);
    this.#scratch = { address, bytes: rounded };
  }

  /** Ends the threads later, unless there is work before. */
  #rest(): void {
    clearTimeout(this.#idle);
    this.#idle = setTimeout(() => this.#stop(), IDLE_MS);
  }

  #stop(): void {
    clearTimeout(this.#idle);
    Atomics.add(this.#words, WORDS.generation, 1);
    Atomics.add(this.#words, WORDS.program, 1);
    Atomics.notify(this.#words, WORDS.program);
    for (const worker of this.#workers) worker.terminate();
    this.#workers = [];
    this.#started = undefined;
  }
}

function failure(reason: string, cause?: unknown): DeviceError {
  return new DeviceError(
    `Cannot trust the WebAssembly device: a thread ended with "${reason}", expected it to go on: ` +
      "open another backend, or use the reference",
    { code: "device-error", cause },
  );
}
