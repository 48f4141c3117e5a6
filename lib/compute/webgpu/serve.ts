/**
 * The worker's side of a backend in a worker: it carries calls out on its own WebGPU backend.
 *
 * @module
 */

import type { Value, Weight } from "../value.ts";
import type { WebGpuBackend } from "./backend.ts";
import {
  type Command,
  type FromWorker,
  type OpenMessage,
  packError,
  type ResourceId,
  type ToWorker,
  unpackOp,
} from "./messages.ts";
import { openWebGpu } from "./open.ts";
import type { TuningCache } from "./tune.ts";

/** The worker as seen from inside. */
export interface WorkerScope {
  /** Called with each message of the owner. */
  onmessage: ((event: { readonly data: ToWorker }) => void) | null;
  /** Tells the owner something. */
  postMessage(message: FromWorker, transfer: ArrayBuffer[]): void;
  /** Ends the worker. */
  close(): void;
}

/**
 * Serves the owner until it says that it is done.
 *
 * @param scope The worker.
 */
export function serve(scope: WorkerScope): void {
  const server = new Server(scope);
  scope.onmessage = ({ data }) => server.hear(data);
  scope.postMessage({ kind: "ready" }, []);
}

class Server {
  readonly #scope: WorkerScope;
  readonly #resources = new Map<ResourceId, Value | Weight>();
  #backend: WebGpuBackend | undefined;
  /** The first failure of a call: the owner hears of it at every read. */
  #fault: { readonly error: unknown } | undefined;
  #cached: ((finding: string | undefined) => void) | undefined;

  constructor(scope: WorkerScope) {
    this.#scope = scope;
  }

  hear(message: ToWorker): void {
    switch (message.kind) {
      case "open":
        void this.#open(message);
        return;
      case "cached":
        this.#cached?.(message.finding);
        return;
      case "do":
        this.#carryOut(message.commands);
        if (message.read !== undefined) void this.#read(message.read);
        return;
      case "destroy":
        this.#backend?.destroy();
        this.#scope.close();
        return;
    }
  }

  async #open({ tuned, kind: _, ...options }: OpenMessage): Promise<void> {
    try {
      const backend = await openWebGpu({ ...options, ...(tuned ? { tuning: this.#cache() } : {}) });
      this.#backend = backend;
      this.#tell({
        kind: "opened",
        backend: backend && {
          software: backend.software,
          description: backend.description,
          maxTokens: backend.maxTokens,
          room: backend.room,
        },
      });
    } catch (error) {
      this.#tell({ kind: "notOpened", error: packError(error) });
    }
  }

  /** The owner's cache; one question is under way at a time. */
  #cache(): TuningCache {
    const ask = (message: FromWorker) =>
      new Promise<string | undefined>((resolve) => {
        this.#cached = resolve;
        this.#tell(message);
      });
    return {
      get: (key) => ask({ kind: "cacheGet", key }),
      set: async (key, finding) => {
        await ask({ kind: "cacheSet", key, finding });
      },
    };
  }

  #carryOut(commands: readonly Command[]): void {
    if (this.#fault !== undefined || this.#backend === undefined) return;
    try {
      for (const command of commands) this.#call(this.#backend, command);
    } catch (error) {
      this.#fault = { error };
    }
  }

  #call(backend: WebGpuBackend, command: Command): void {
    switch (command.call) {
      case "weight": {
        const { id, data, weight: { label, rows, cols } } = command;
        this.#resources.set(id, backend.weight(label, data, rows, cols));
        data.buffer.transfer(0); // its memory is free now, and not when this thread next collects
        return;
      }
      case "value": {
        const { id, value: { label, rowsFollow, cols } } = command;
        this.#resources.set(id, backend.value(label, rowsFollow, cols));
        return;
      }
      case "begin":
        backend.begin(command.batch);
        return;
      case "write":
        backend.write(this.#value(command.id), command.data);
        return;
      case "run":
        backend.run(unpackOp(command.op, (id) => this.#resource(id)));
        return;
      case "free":
        backend.free(this.#resource(command.id));
        this.#resources.delete(command.id);
        return;
    }
  }

  async #read({ id, values }: { id: number; values: readonly ResourceId[] }): Promise<void> {
    try {
      if (this.#fault !== undefined) throw this.#fault.error;
      const backend = this.#backend!;
      const results = await backend.read(values.map((value) => this.#value(value)));
      const { waited } = backend;
      this.#tell({ kind: "done", id, values: results, waited }, results.map((each) => each.buffer));
    } catch (error) {
      this.#tell({ kind: "failed", id, error: packError(error) });
    }
  }

  #resource(id: ResourceId): Value | Weight {
    return this.#resources.get(id)!; // the owner knows which there are
  }

  #value(id: ResourceId): Value {
    return this.#resource(id) as Value;
  }

  #tell(message: FromWorker, transfer: ArrayBuffer[] = []): void {
    this.#scope.postMessage(message, transfer);
  }
}
