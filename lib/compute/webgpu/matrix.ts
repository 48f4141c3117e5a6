/**
 * Matrices as textures: making, filling and reading them.
 *
 * @module
 */

import { ROW_MULTIPLE } from "../ops/dispatch.ts";

/** Bytes of a texel: four f32. */
const TEXEL_BYTES = 16;

/** Rows in a buffer that a texture is copied to begin at multiples of this many bytes. */
const ROW_ALIGNMENT = 256;

/**
 * Makes a texture for a matrix, all zero.
 *
 * @param device The device.
 * @param label Names it, for messages.
 * @param rows Rows, in elements; room is made for a multiple of {@linkcode ROW_MULTIPLE}.
 * @param cols Columns, in elements; four share a texel.
 * @returns The texture; the caller destroys it.
 * @throws {RangeError} When the device has no texture of this size.
 */
export function createMatrix(
  device: GPUDevice,
  label: string,
  rows: number,
  cols: number,
): GPUTexture {
  const width = Math.ceil(cols / 4);
  const height = Math.ceil(rows / ROW_MULTIPLE) * ROW_MULTIPLE;
  const limit = device.limits.maxTextureDimension2D;
  if (width > limit || height > limit) {
    throw new RangeError(
      `Cannot hold "${label}" of shape [${rows}, ${cols}] on the device: ` +
        `expected at most ${limit} rows and ${4 * limit} columns`,
    );
  }
  const { TEXTURE_BINDING, STORAGE_BINDING, COPY_DST, COPY_SRC } = GPUTextureUsage;
  return device.createTexture({
    label,
    size: [width, height],
    format: "rgba32float",
    usage: TEXTURE_BINDING | STORAGE_BINDING | COPY_DST | COPY_SRC,
  });
}

/**
 * Lays rows out as texels: columns past the end of the last texel become zero.
 *
 * @param data `f32 [rows, cols]`, row-major.
 * @param cols Columns, in elements.
 * @returns A copy, `f32 [rows, cols rounded up to 4]`.
 */
export function padRows(data: Float32Array, cols: number): Float32Array<ArrayBuffer> {
  if (cols % 4 === 0) return new Float32Array(data);
  const padded = Math.ceil(cols / 4) * 4;
  const texels = new Float32Array(data.length / cols * padded);
  for (let row = 0; row * cols < data.length; row++) {
    texels.set(data.subarray(row * cols, (row + 1) * cols), row * padded);
  }
  return texels;
}

/**
 * Fills a texture's first rows.
 *
 * @param device The device.
 * @param texture The texture.
 * @param texels Whole rows of texels, as {@linkcode padRows} lays them out.
 */
export function fillMatrix(
  device: GPUDevice,
  texture: GPUTexture,
  texels: Float32Array<ArrayBuffer>,
): void {
  const bytesPerRow = texture.width * TEXEL_BYTES;
  const rows = texels.byteLength / bytesPerRow;
  device.queue.writeTexture({ texture }, texels, { bytesPerRow }, [texture.width, rows]);
}

/** Rows of a matrix to read back. */
export interface ReadRequest {
  /** Where the matrix is. */
  readonly texture: GPUTexture;
  /** Rows to read, in elements. */
  readonly rows: number;
  /** Columns of the matrix, in elements. */
  readonly cols: number;
}

/** Reads matrices back through one buffer, so that there is one thing to wait for. */
export class Readback implements Disposable {
  readonly #requests: readonly ReadRequest[];
  readonly #buffer: GPUBuffer;

  /**
   * Makes the buffer.
   *
   * @param device The device.
   * @param requests What to read.
   */
  constructor(device: GPUDevice, requests: readonly ReadRequest[]) {
    this.#requests = requests;
    this.#buffer = device.createBuffer({
      label: "readback",
      size: requests.reduce((bytes, { texture, rows }) => bytes + rows * pitch(texture), 0),
      usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST,
    });
  }

  /**
   * Records the copies.
   *
   * @param encoder Where to record them.
   */
  record(encoder: GPUCommandEncoder): void {
    let offset = 0;
    for (const { texture, rows } of this.#requests) {
      const bytesPerRow = pitch(texture);
      const target = { buffer: this.#buffer, offset, bytesPerRow };
      encoder.copyTextureToBuffer({ texture }, target, [texture.width, rows]);
      offset += rows * bytesPerRow;
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
    return this.#requests.map(({ texture, rows, cols }) => {
      const matrix = new Float32Array(rows * cols);
      for (let row = 0; row < rows; row++, offset += pitch(texture)) {
        matrix.set(new Float32Array(mapped, offset, cols), row * cols);
      }
      return matrix;
    });
  }

  /** Destroys the buffer. */
  [Symbol.dispose](): void {
    this.#buffer.destroy();
  }
}

function pitch(texture: GPUTexture): number {
  return Math.ceil(texture.width * TEXEL_BYTES / ROW_ALIGNMENT) * ROW_ALIGNMENT;
}
