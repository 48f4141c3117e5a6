/**
 * Matrices as textures, for the texture family of kernels.
 *
 * @module
 */

import { LINE_ENTRIES, ROW_MULTIPLE } from "../ops/dispatch.ts";
import type { GpuDevice } from "./device.ts";
import {
  type Matrix,
  type PackedRows,
  padRows,
  type Reservation,
  rowsToReserve,
} from "./matrix.ts";
import type { MatrixShape } from "./room.ts";

/** Bytes of a texel: four f32. */
const TEXEL_BYTES = 16;

/** Rows in a buffer that a texture is copied to begin at multiples of this many bytes. */
const ROW_ALIGNMENT = 256;

/** A matrix as an `rgba32float` texture. */
export class TextureMatrix implements Matrix {
  /** What it holds. */
  readonly label: string;
  /** Columns, in elements. */
  readonly cols: number;
  /** Textures are f32 only. */
  readonly type = "f32";
  /** Bytes from one row to the next where it is read back to. */
  readonly pitch: number;

  readonly #gpu: GpuDevice;
  readonly #maxRows: number;
  readonly #width: number;
  /** Rows of the texture that a row of the matrix takes. */
  readonly #lines: number;
  readonly #lasting: boolean;
  #texture: GPUTexture | undefined;
  /** The same object while the texture is the same, so that it is bound by the same groups. */
  #view: GPUTextureView | undefined;

  /**
   * Describes the matrix; no memory is taken yet.
   *
   * @param gpu The device.
   * @param label Names it, for messages.
   * @param shape Rows at most, columns, and whether rows are folded; there is room for it.
   * @param lasting Whether it is a weight, without which nothing runs.
   */
  constructor(
    gpu: GpuDevice,
    label: string,
    { rows, cols, folded = false }: Omit<MatrixShape, "type">,
    lasting = false,
  ) {
    this.#gpu = gpu;
    this.label = label;
    this.cols = cols;
    this.#maxRows = rows;
    this.#lasting = lasting;
    const texels = Math.ceil(cols / 4);
    this.#width = folded ? Math.min(texels, LINE_ENTRIES) : texels;
    this.#lines = Math.ceil(texels / this.#width);
    // Whole lines lie end to end when they are read back: LINE_ENTRIES keeps the alignment.
    this.pitch = this.#lines * Math.ceil(this.#width * TEXEL_BYTES / ROW_ALIGNMENT) * ROW_ALIGNMENT;
  }

  /** {@inheritDoc Matrix.reserve} */
  reserve(rows: number): Reservation | undefined {
    const old = this.#texture;
    const lines = rows * this.#lines;
    if (lines <= (old?.height ?? 0)) return undefined;
    const most = this.#maxRows * this.#lines;
    const height = rowsToReserve(lines, old?.height ?? 0, most, ROW_MULTIPLE);
    const { TEXTURE_BINDING, STORAGE_BINDING, COPY_DST, COPY_SRC } = GPUTextureUsage;
    const texture = this.#gpu.allocate(
      this.label,
      bytesOf(this.#width, height),
      (device) =>
        device.createTexture({
          label: this.label,
          size: [this.#width, height],
          format: "rgba32float",
          usage: TEXTURE_BINDING | STORAGE_BINDING | COPY_DST | COPY_SRC,
        }),
      this.#lasting,
    );
    return { adopt: () => this.#adopt(texture), cancel: () => this.#drop(texture) };
  }

  /** {@inheritDoc Matrix.pack} */
  pack(data: Float32Array): PackedRows {
    if (this.#lines === 1) return padRows(data, this.cols);
    const texels = new Float32Array(data.length / this.cols * 4 * this.#width * this.#lines);
    texels.set(data);
    return texels;
  }

  /** {@inheritDoc Matrix.fill} */
  fill(texels: PackedRows): void {
    const bytesPerRow = this.#width * TEXEL_BYTES;
    const size = [this.#width, texels.byteLength / bytesPerRow];
    const texture = this.#reserved();
    this.#gpu.device.queue.writeTexture({ texture }, texels, { bytesPerRow }, size);
  }

  /** {@inheritDoc Matrix.binding} */
  binding(): GPUTextureView {
    return this.#view ??= this.#reserved().createView();
  }

  /** {@inheritDoc Matrix.copyTo} */
  copyTo(encoder: GPUCommandEncoder, buffer: GPUBuffer, offset: number, rows: number): void {
    const target = { buffer, offset, bytesPerRow: this.pitch / this.#lines };
    const size = [this.#width, rows * this.#lines];
    encoder.copyTextureToBuffer({ texture: this.#reserved() }, target, size);
  }

  /** {@inheritDoc Matrix.destroy} */
  destroy(): void {
    this.#drop(this.#texture);
    this.#texture = undefined;
    this.#view = undefined;
  }

  #adopt(texture: GPUTexture): void {
    const old = this.#texture;
    if (old !== undefined) {
      const encoder = this.#gpu.device.createCommandEncoder();
      encoder.copyTextureToTexture({ texture: old }, { texture }, [old.width, old.height]);
      this.#gpu.device.queue.submit([encoder.finish()]);
      this.#drop(old);
    }
    this.#texture = texture;
    this.#view = undefined;
  }

  #drop(texture: GPUTexture | undefined): void {
    if (texture === undefined) return;
    this.#gpu.release(bytesOf(texture.width, texture.height));
    texture.destroy();
  }

  #reserved(): GPUTexture {
    if (this.#texture !== undefined) return this.#texture;
    throw new TypeError(`Cannot use "${this.label}": no rows were reserved, expected some`);
  }
}

function bytesOf(width: number, height: number): number {
  return TEXEL_BYTES * width * height;
}
