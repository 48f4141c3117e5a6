/**
 * Reading matrices back to host memory.
 *
 * @module
 */

import type { GpuDevice } from "./device.ts";
import type { Matrix } from "./matrix.ts";

/** Where copies begin in the buffer, in bytes: what texture copies need. */
const ALIGNMENT = 256;

/** Rows of a matrix to read back. */
export interface ReadRequest {
  /** The matrix. */
  readonly matrix: Matrix;
  /** Rows to read. */
  readonly rows: number;
}

/** Reads matrices back through one buffer, so that there is one thing to wait for. */
export class Readback implements Disposable {
  readonly #gpu: GpuDevice;
  readonly #requests: readonly ReadRequest[];
  readonly #buffer: GPUBuffer;

  /**
   * Makes the buffer.
   *
   * @param gpu The device.
   * @param requests What to read.
   * @throws {DeviceError} With code `out-of-memory` when there is no room for it.
   */
  constructor(gpu: GpuDevice, requests: readonly ReadRequest[]) {
    this.#gpu = gpu;
    this.#requests = requests;
    const size = requests.reduce((bytes, request) => bytes + bytesOf(request), 0);
    this.#buffer = gpu.allocate("readback", size, (device) =>
      device.createBuffer({
        label: "readback",
        size,
        usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
      }));
  }

  /**
   * Records the copies.
   *
   * @param encoder Where to record them.
   */
  record(encoder: GPUCommandEncoder): void {
    let offset = 0;
    for (const request of this.#requests) {
      request.matrix.copyTo(encoder, this.#buffer, offset, request.rows);
      offset += bytesOf(request);
    }
  }

  /**
   * Asks for the copies' results.
   *
   * @returns Resolves when they are there.
   */
  map(): Promise<undefined> {
    return this.#buffer.mapAsync(GPUMapMode.READ);
  }

  /**
   * Takes the results out.
   *
   * @returns `f32 [rows, cols]` for each request, row-major.
   */
  take(): Float32Array<ArrayBuffer>[] {
    const mapped = this.#buffer.getMappedRange();
    let offset = 0;
    return this.#requests.map((request) => {
      const { matrix, rows } = request;
      const View = matrix.type === "f16" ? Float16Array : Float32Array;
      const result = new Float32Array(rows * matrix.cols);
      for (let row = 0; row < rows; row++) {
        const at = offset + row * matrix.pitch;
        result.set(new View(mapped, at, matrix.cols), row * matrix.cols);
      }
      offset += bytesOf(request);
      return result;
    });
  }

  /** Destroys the buffer. */
  [Symbol.dispose](): void {
    this.#gpu.release(this.#buffer.size);
    this.#buffer.destroy();
  }
}

function bytesOf({ matrix, rows }: ReadRequest): number {
  return Math.ceil(rows * matrix.pitch / ALIGNMENT) * ALIGNMENT;
}
