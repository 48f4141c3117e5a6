/**
 * Matrices as storage buffers, for the buffer family of kernels.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";
import type { GpuDevice } from "./device.ts";
import {
  type ElementType,
  type Matrix,
  type PackedRows,
  padRows,
  type Reservation,
  rowsToReserve,
} from "./matrix.ts";

/** The largest finite f16. */
const MAX_F16 = 65504;

/** What is to be kept. */
export interface BufferShape {
  /** Rows at most. */
  readonly rows: number;
  /** Columns, in elements. */
  readonly cols: number;
  /** The element type. */
  readonly type: ElementType;
}

/** A matrix as a storage buffer, row after row, each padded to entries of four columns. */
export class BufferMatrix implements Matrix {
  /** What it holds. */
  readonly label: string;
  /** Columns, in elements. */
  readonly cols: number;
  /** The element type. */
  readonly type: ElementType;
  /** Bytes from one row to the next, on the device and where it is read back to. */
  readonly pitch: number;

  readonly #gpu: GpuDevice;
  readonly #maxRows: number;
  readonly #lasting: boolean;
  #buffer: GPUBuffer | undefined;

  /**
   * Describes the matrix; no memory is taken yet.
   *
   * @param gpu The device.
   * @param label Names it, for messages.
   * @param shape Rows at most, columns and element type.
   * @param lasting Whether it is a weight, without which nothing runs.
   * @throws {RangeError} When not even one row, or a weight not as a whole, fits a buffer.
   */
  constructor(gpu: GpuDevice, label: string, { rows, cols, type }: BufferShape, lasting = false) {
    this.#gpu = gpu;
    this.label = label;
    this.cols = cols;
    this.type = type;
    this.#maxRows = rows;
    this.#lasting = lasting;
    this.pitch = Math.ceil(cols / 4) * (type === "f16" ? 8 : 16);
    const most = this.#mostRows();
    if (most >= (lasting ? rows : 1)) return;
    throw new RangeError(
      `Cannot hold "${label}" of shape [${rows}, ${cols}] on the device: its buffers hold ` +
        `${most} rows of it, expected all`,
    );
  }

  /** {@inheritDoc Matrix.reserve} */
  reserve(rows: number): Reservation | undefined {
    const old = this.#buffer?.size ?? 0;
    if (rows * this.pitch <= old) return undefined;
    const most = this.#mostRows();
    if (rows > most) {
      throw new DeviceError(
        `Cannot hold ${rows} rows of "${this.label}" on the WebGPU device: its buffers hold ` +
          `${most}, expected as many: run smaller batches`,
        { code: "out-of-memory" },
      );
    }
    const room = Math.min(most, rowsToReserve(rows, old / this.pitch, this.#maxRows, 1));
    const { STORAGE, COPY_DST, COPY_SRC } = GPUBufferUsage;
    const size = room * this.pitch;
    const buffer = this.#gpu.allocate(
      this.label,
      size,
      (device) =>
        device.createBuffer({ label: this.label, size, usage: STORAGE | COPY_DST | COPY_SRC }),
      this.#lasting,
    );
    return { adopt: () => this.#adopt(buffer), cancel: () => this.#drop(buffer) };
  }

  /** {@inheritDoc Matrix.pack} */
  pack(data: Float32Array): PackedRows {
    const rows = padRows(data, this.cols);
    return this.type === "f32" ? rows : new Float16Array(rows);
  }

  /**
   * Refuses data that the element type cannot hold: it would become infinite.
   *
   * @param data Any numbers.
   * @throws {RangeError} When a number is too large.
   */
  checkRange(data: Float32Array): void {
    if (this.type === "f32") return;
    const index = data.findIndex((number) => Math.abs(number) > MAX_F16);
    if (index < 0) return;
    throw new RangeError(
      `Cannot hold "${this.label}" in 16-bit floats: element ${index} is ${data[index]}, ` +
        `expected at most ${MAX_F16} in magnitude: compute in f32`,
    );
  }

  /** {@inheritDoc Matrix.fill} */
  fill(rows: PackedRows): void {
    this.#gpu.device.queue.writeBuffer(this.#reserved(), 0, rows);
  }

  /** {@inheritDoc Matrix.binding} */
  binding(rows: number): GPUBindingResource {
    return { buffer: this.#reserved(), size: rows * this.pitch };
  }

  /** {@inheritDoc Matrix.copyTo} */
  copyTo(encoder: GPUCommandEncoder, target: GPUBuffer, offset: number, rows: number): void {
    encoder.copyBufferToBuffer(this.#reserved(), 0, target, offset, rows * this.pitch);
  }

  /** {@inheritDoc Matrix.destroy} */
  destroy(): void {
    this.#drop(this.#buffer);
    this.#buffer = undefined;
  }

  #mostRows(): number {
    const { maxBufferSize, maxStorageBufferBindingSize } = this.#gpu.device.limits;
    return Math.floor(Math.min(maxBufferSize, maxStorageBufferBindingSize) / this.pitch);
  }

  #adopt(buffer: GPUBuffer): void {
    const old = this.#buffer;
    if (old !== undefined) {
      const encoder = this.#gpu.device.createCommandEncoder();
      encoder.copyBufferToBuffer(old, 0, buffer, 0, old.size);
      this.#gpu.device.queue.submit([encoder.finish()]);
      this.#drop(old);
    }
    this.#buffer = buffer;
  }

  #drop(buffer: GPUBuffer | undefined): void {
    if (buffer === undefined) return;
    this.#gpu.release(buffer.size);
    buffer.destroy();
  }

  #reserved(): GPUBuffer {
    if (this.#buffer !== undefined) return this.#buffer;
    throw new TypeError(`Cannot use "${this.label}": no rows were reserved, expected some`);
  }
}
