/**
 * The one place that talks to WebGPU's device: it opens it, compiles kernels and ends WebGPU's
 * silence about faults.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";

/** A WebGPU device that keeps its first fault until someone asks. */
export class GpuDevice {
  /** The device. */
  readonly device: GPUDevice;
  /** Whether the driver computes on the CPU. */
  readonly software: boolean;
  /** The adapter's name, for people. */
  readonly description: string;

  #fault: DeviceError | undefined;
  #destroyed = false;

  private constructor(device: GPUDevice, info: GPUAdapterInfo) {
    this.device = device;
    this.description = info.description || [info.vendor, info.device].join(" ").trim();
    // Not every driver sets the flag: OpenGL's llvmpipe is known by its name only.
    this.software = info.isFallbackAdapter ||
      /llvmpipe|lavapipe|swiftshader|basic render/i.test(this.description);
    // Without a listener, faults go nowhere: no exception, no message, results of zeros.
    device.addEventListener("uncapturederror", (event) => {
      const { error } = event as GPUUncapturedErrorEvent;
      this.#fault ??= new DeviceError(
        `Cannot trust the WebGPU device: it reported "${error.message}", ` +
          `expected no error: open another backend, or use the reference`,
        { code: "device-error", cause: error },
      );
    });
    device.lost.then(({ message }) => {
      if (this.#destroyed) return;
      this.#fault ??= new DeviceError(
        `Cannot use the WebGPU device: it was lost ("${message}"), expected it to stay: ` +
          `open another backend`,
        { code: "device-lost" },
      );
    });
  }

  /**
   * Opens a device of the fastest adapter, with the adapter's own limits where kernels need more
   * than the defaults.
   *
   * @returns The device, or undefined when there is no adapter.
   * @throws {DeviceError} When the adapter gives no device.
   */
  static async open(): Promise<GpuDevice | undefined> {
    const adapter = await globalThis.navigator?.gpu?.requestAdapter({
      powerPreference: "high-performance",
    });
    if (!adapter) return undefined;
    const { maxTextureDimension2D, maxBufferSize } = adapter.limits;
    try {
      const device = await adapter.requestDevice({
        label: "tinygraft",
        requiredLimits: { maxTextureDimension2D, maxBufferSize },
      });
      return new GpuDevice(device, adapter.info);
    } catch (cause) {
      throw new DeviceError(
        `Cannot open the WebGPU device: ${textOf(cause)}, expected the adapter to give one: ` +
          `use the reference`,
        { code: "device-error", cause },
      );
    }
  }

  /**
   * Throws the first fault since the device was opened, if there was one.
   *
   * @throws {DeviceError} The fault.
   */
  throwFault(): void {
    if (this.#fault !== undefined) throw this.#fault;
  }

  /**
   * Waits for a promise of the device and looks for faults.
   *
   * @param promise What to wait for.
   * @throws {DeviceError} With the device's first fault, or when the promise is refused.
   */
  async wait(promise: Promise<unknown>): Promise<void> {
    let refusal: unknown;
    let refused = false;
    try {
      await promise;
    } catch (error) {
      [refusal, refused] = [error, true];
      await new Promise((resolve) => setTimeout(resolve)); // lets the news of a lost device in
    }
    this.throwFault();
    if (!refused) return;
    throw new DeviceError(
      this.#destroyed
        ? "Cannot read: the backend was destroyed meanwhile, expected an open one"
        : `Cannot read: the WebGPU device refused with "${textOf(refusal)}", expected its results`,
      { code: "device-error", cause: refusal },
    );
  }

  /**
   * Compiles a kernel. The messages are asked for first: creating a pipeline from broken text
   * tells neither what is wrong nor where, and without `Async` it even succeeds.
   *
   * @param name Names the kernel in messages and debuggers.
   * @param code The WGSL text; its entry point is `main`.
   * @param constants Values of its `override` constants.
   * @returns The pipeline.
   * @throws {DeviceError} When the kernel does not compile; the message gives line and column.
   */
  async compile(
    name: string,
    code: string,
    constants: Readonly<Record<string, number>> = {},
  ): Promise<GPUComputePipeline> {
    const module = this.device.createShaderModule({ label: name, code });
    const { messages } = await module.getCompilationInfo();
    const bad = messages.find((message) => message.type === "error");
    if (bad !== undefined) {
      throw new DeviceError(
        `Cannot compile the kernel "${name}" (line ${bad.lineNum}, column ${bad.linePos}): ` +
          `${bad.message}, expected valid WGSL`,
        { code: "kernel-compile" },
      );
    }
    try {
      return await this.device.createComputePipelineAsync({
        label: name,
        layout: "auto",
        compute: { module, entryPoint: "main", constants: { ...constants } },
      });
    } catch (cause) {
      throw new DeviceError(
        `Cannot compile the kernel "${name}" with ${JSON.stringify(constants)}: ${textOf(cause)}`,
        { code: "kernel-compile", cause },
      );
    }
  }

  /** Destroys the device; what it made must be destroyed by its makers. Idempotent. */
  destroy(): void {
    this.#destroyed = true;
    this.device.destroy();
  }
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
