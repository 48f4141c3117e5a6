/**
 * The one place that talks to WebGPU's device: it opens it, compiles kernels and ends WebGPU's
 * silence about faults.
 *
 * @module
 */

import { DeviceError } from "../../errors.ts";

/** How a device is opened. */
export interface OpenDeviceOptions {
  /** Ask for arithmetic on 16-bit floats, where the adapter has it. */
  readonly f16?: boolean;
  /** Bytes of matrices that may be held at a time; what the device holds when left out. */
  readonly maxBytes?: number;
}

/** Something that was allocated, and whether there was room: known later. */
interface Allocation {
  readonly label: string;
  readonly bytes: number;
  readonly lasting: boolean;
  readonly outcome: Promise<GPUError | null>;
}

/** A WebGPU device that keeps its first fault until someone asks. */
export class GpuDevice {
  /** The device. */
  readonly device: GPUDevice;
  /** Names adapter and driver, for what is remembered about them. */
  readonly identity: string;
  /** Whether kernels may use 16-bit floats. */
  readonly f16: boolean;
  /** Whether the driver computes on the CPU. */
  readonly software: boolean;
  /** The adapter's name, for people. */
  readonly description: string;

  #fault: DeviceError | undefined;
  #destroyed = false;
  #allocations: Allocation[] = [];
  #bytes = 0;
  readonly #maxBytes: number;

  private constructor(
    device: GPUDevice,
    info: GPUAdapterInfo,
    { f16 = false, maxBytes = Infinity }: OpenDeviceOptions,
  ) {
    this.device = device;
    this.f16 = f16;
    this.#maxBytes = maxBytes;
    this.identity = [info.vendor, info.architecture, info.device, info.description].join("/");
    this.description = describe(info);
    this.software = isSoftware(info);
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
   * @param options How.
   * @returns The device, or undefined when there is no adapter.
   * @throws {DeviceError} When the adapter gives no device.
   */
  static async open(options: OpenDeviceOptions = {}): Promise<GpuDevice | undefined> {
    const adapter = await fastestAdapter();
    if (!adapter) return undefined;
    // Asked of the adapter: a device claims features that its driver does not have.
    const f16 = options.f16 === true && adapter.features.has("shader-f16");
    try {
      const device = await adapter.requestDevice({
        label: "tinygraft",
        requiredFeatures: f16 ? ["shader-f16"] : [],
        requiredLimits: limitsOf(adapter),
      });
      return new GpuDevice(device, adapter.info, { ...options, f16 });
    } catch (cause) {
      throw new DeviceError(
        `Cannot open the WebGPU device: ${textOf(cause)}, expected the adapter to give one: ` +
          `use the reference`,
        { code: "device-error", cause },
      );
    }
  }

  /**
   * Makes a buffer or texture. Whether there was room is known only after `settle`; until then it
   * must not be used.
   *
   * @param label What it will hold, for messages.
   * @param bytes Bytes that it takes.
   * @param make Makes it.
   * @param lasting Whether a failure is for good: for weights, which no smaller batch makes smaller.
   * @returns What was made; the caller destroys it and then calls `release` with its bytes.
   * @throws {DeviceError} With code `out-of-memory` when the bytes are more than may be held.
   */
  allocate<T>(
    label: string,
    bytes: number,
    make: (device: GPUDevice) => T,
    lasting = false,
  ): T {
    if (this.#bytes + bytes > this.#maxBytes) throw outOfMemory({ label, bytes });
    this.device.pushErrorScope("out-of-memory");
    const made = make(this.device);
    // Taken off at once: a device has one stack of scopes, and an await would let others in.
    const outcome = this.device.popErrorScope().catch(() => null); // lost: the next wait says so
    this.#allocations.push({ label, bytes, lasting, outcome });
    this.#bytes += bytes;
    return made;
  }

  /** Bytes that are allocated and not released. */
  get bytes(): number {
    return this.#bytes;
  }

  /**
   * Counts bytes as free again.
   *
   * @param bytes Bytes of something allocated and destroyed.
   */
  release(bytes: number): void {
    this.#bytes -= bytes;
  }

  /**
   * Waits until it is known whether there was room for everything allocated.
   *
   * @throws {DeviceError} With code `out-of-memory` when there was not.
   */
  async settle(): Promise<void> {
    const allocations = this.#allocations.splice(0);
    const outcomes = await Promise.all(allocations.map(({ outcome }) => outcome));
    const failed = allocations.filter((_, i) => outcomes[i] !== null);
    const lasting = failed.find((allocation) => allocation.lasting);
    // What was recorded with the missing matrix fails too: this is the cause.
    if (lasting !== undefined) this.#fault = outOfMemory(lasting);
    this.throwFault();
    if (failed[0] !== undefined) throw outOfMemory(failed[0]);
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

/**
 * Tells whether there is a GPU, without opening it.
 *
 * @returns Whether the fastest adapter is there and is none that computes on the CPU.
 */
export async function hasGpu(): Promise<boolean> {
  const adapter = await fastestAdapter();
  return adapter ? !isSoftware(adapter.info) : false;
}

async function fastestAdapter(): Promise<GPUAdapter | null | undefined> {
  return await globalThis.navigator?.gpu?.requestAdapter({ powerPreference: "high-performance" });
}

/** The limits to ask for: what kernels can use of the adapter's. */
function limitsOf({ limits }: GPUAdapter): Record<string, number> {
  const { maxTextureDimension2D, maxBufferSize, maxStorageBufferBindingSize } = limits;
  return {
    maxTextureDimension2D,
    maxBufferSize,
    maxStorageBufferBindingSize,
    maxComputeWorkgroupStorageSize: Math.min(limits.maxComputeWorkgroupStorageSize, 32768),
  };
}

function outOfMemory({ label, bytes }: { label: string; bytes: number }): DeviceError {
  return new DeviceError(
    `Cannot hold "${label}" on the WebGPU device: there is no room for its ` +
      `${(bytes / 2 ** 20).toFixed(1)} MiB, expected enough memory: run smaller batches, close ` +
      `other programs that use the GPU, or use another device`,
    { code: "out-of-memory" },
  );
}

function textOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function describe(info: GPUAdapterInfo): string {
  return info.description || [info.vendor, info.device].join(" ").trim();
}

function isSoftware(info: GPUAdapterInfo): boolean {
  // Not every driver sets the flag: OpenGL's llvmpipe is known by its name only.
  return info.isFallbackAdapter ||
    /llvmpipe|lavapipe|swiftshader|basic render/i.test(describe(info));
}
