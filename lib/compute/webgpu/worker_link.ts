/**
 * A worker that runs a WebGPU backend, and who waits for its answers.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import { destroyedError } from "../backend.ts";
import {
  type Command,
  type FromWorker,
  type OpenedBackend,
  type OpenMessage,
  type ResourceId,
  type ToWorker,
  unpackError,
} from "./messages.ts";
import type { TuningCache } from "./tune.ts";

/** What a read gives. */
export type ReadDone = Extract<FromWorker, { readonly kind: "done" }>;

/** Someone who waits for an answer. */
interface Waiting<T> {
  readonly resolve: (answer: T) => void;
  readonly reject: (error: unknown) => void;
}

/** The owner's end of the line to a worker. A worker that fails is an error for whoever waits. */
export class WorkerLink {
  readonly #worker: Worker;
  readonly #tuning: TuningCache | undefined;
  readonly #reads = new Map<number, Waiting<ReadDone>>();
  #opening: Waiting<OpenedBackend | undefined> | undefined;
  #lastRead = 0;
  /** Why nothing more can be had from the worker. */
  #failure: Error | undefined;

  private constructor(worker: Worker, tuning: TuningCache | undefined) {
    this.#worker = worker;
    this.#tuning = tuning;
  }

  /**
   * Starts a worker that serves.
   *
   * @param tuning The owner's cache, which the worker asks for.
   * @returns The link, or undefined where a worker cannot be had or cannot load its module: in a
   * bundle of one file, or where workers or reading modules are not allowed.
   */
  static async start(tuning: TuningCache | undefined): Promise<WorkerLink | undefined> {
    const module = new URL("./serve.ts", import.meta.url).href;
    // A module that cannot be loaded is caught in here; as the worker's own it would be printed.
    const source = `import(${JSON.stringify(module)}).then(({ serve }) => serve(globalThis))
      .catch((error) => postMessage({ kind: "unstartable", reason: String(error) }));`;
    const url = URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
    try {
      const worker = new Worker(url, { type: "module", name: "tinygraft WebGPU" });
      if (await isReady(worker)) {
        const link = new WorkerLink(worker, tuning);
        link.#listen();
        return link;
      }
      worker.terminate();
    } catch {
      // A page may forbid workers of this kind.
    } finally {
      URL.revokeObjectURL(url);
    }
    return undefined;
  }

  /**
   * Opens the backend.
   *
   * @param message How.
   * @returns What is known of it; undefined when there is no such adapter.
   * @throws {Error} What opening it threw in the worker.
   */
  open(message: OpenMessage): Promise<OpenedBackend | undefined> {
    return new Promise((resolve, reject) => {
      this.#opening = { resolve, reject };
      this.#send(message);
    });
  }

  /**
   * Sends calls to carry out.
   *
   * @param commands The calls; their arrays are transferred and must not be used any more.
   */
  send(commands: readonly Command[]): void {
    this.#send({ kind: "do", commands }, buffersOf(commands));
  }

  /**
   * Sends calls to carry out and waits for values.
   *
   * @param commands The calls; their arrays are transferred and must not be used any more.
   * @param values What to read afterwards.
   * @returns The values, and how long reads have taken.
   * @throws {Error} What the calls or the read threw in the worker, or why it ended.
   */
  read(commands: readonly Command[], values: readonly ResourceId[]): Promise<ReadDone> {
    return new Promise((resolve, reject) => {
      if (this.#failure !== undefined) return reject(this.#failure);
      const id = ++this.#lastRead;
      this.#reads.set(id, { resolve, reject });
      this.#send({ kind: "do", commands, read: { id, values } }, buffersOf(commands));
    });
  }

  /** Ends the backend and, as soon as it hears of it, the worker; whoever waits gets an error. */
  end(): void {
    this.#send({ kind: "destroy" });
    this.#fail(destroyedError("read"));
  }

  #listen(): void {
    this.#worker.onmessage = ({ data }: MessageEvent<FromWorker>) => this.#hear(data);
    const crash = (reason: string) => {
      this.#fail(ended(reason));
      this.#worker.terminate();
    };
    this.#worker.onerror = (event) => {
      event.preventDefault(); // else the process ends
      crash(event.message);
    };
    this.#worker.onmessageerror = () => crash("a message that cannot be read");
  }

  #hear(message: FromWorker): void {
    switch (message.kind) {
      case "opened":
        this.#opening?.resolve(message.backend);
        return;
      case "notOpened":
        this.#opening?.reject(unpackError(message.error));
        return;
      case "cacheGet":
        void this.#askCache((cache) => cache.get(message.key));
        return;
      case "cacheSet":
        void this.#askCache((cache) => cache.set(message.key, message.finding));
        return;
      case "done":
        this.#take(message.id)?.resolve(message);
        return;
      case "failed":
        this.#take(message.id)?.reject(unpackError(message.error));
        return;
    }
  }

  #take(id: number): Waiting<ReadDone> | undefined {
    const waiting = this.#reads.get(id);
    this.#reads.delete(id);
    return waiting;
  }

  /** Asks the owner's cache for the worker; opening fails with what the cache throws. */
  async #askCache(ask: (cache: TuningCache) => Promise<string | undefined | void>): Promise<void> {
    try {
      const finding = this.#tuning && await ask(this.#tuning);
      this.#send({ kind: "cached", finding: finding ?? undefined });
    } catch (error) {
      this.#opening?.reject(error);
    }
  }

  #fail(error: Error): void {
    if (this.#failure !== undefined) return;
    this.#failure = error;
    this.#opening?.reject(error);
    for (const { reject } of this.#reads.values()) reject(error);
    this.#reads.clear();
  }

  #send(message: ToWorker, transfer: ArrayBuffer[] = []): void {
    if (this.#failure === undefined) this.#worker.postMessage(message, transfer);
  }
}

/** Waits for a new worker's first words. */
function isReady(worker: Worker): Promise<boolean> {
  return new Promise((resolve) => {
    worker.onmessage = ({ data }: MessageEvent<FromWorker>) => resolve(data.kind === "ready");
    worker.onerror = (event) => {
      event.preventDefault(); // else the process ends
      resolve(false);
    };
  });
}

function buffersOf(commands: readonly Command[]): ArrayBuffer[] {
  return commands.flatMap((command) => "data" in command ? [command.data.buffer] : []);
}

function ended(reason: string): DeviceError {
  return new DeviceError(
    `Cannot trust the WebGPU device: its worker ended with "${reason}", expected it to go on: ` +
      "open another backend, or use another device",
    { code: "device-error" },
  );
}
