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
import { bufferPitch, type MatrixShape } from "./room.ts";

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
   * @param shape Rows at most, columns and element type; there is room for it.
   * @param lasting Whether it is a weight, without which nothing runs.
   */
  constructor(gpu: GpuDevice, label: string, shape: MatrixShape, lasting = false) {
    this.#gpu = gpu;
    this.label = label;
    this.cols = shape.cols;
    this.type = shape.type;
    this.#maxRows = shape.rows;
    this.#lasting = lasting;
    this.pitch = bufferPitch(shape);
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

  /** {@inheritDoc Matrix.fill} */
  fill(rows: PackedRows): void {
    this.#gpu.device.queue.writeBuffer(this.#reserved(), 0, rows);
  }

  /** {@inheritDoc Matrix.binding} */
  binding(rows: number): GPUBufferBinding {
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
