/**
 * Bind groups of a device, each made once.
 *
 * @module
 */

/** Something that is bound: a view of a texture, or the beginning of a buffer. */
export type Bound = GPUTextureView | GPUBufferBinding;

/** Bind groups at most: a model has some hundreds, and buffers are bound in many lengths. */
const MAX_GROUPS = 2048;

/**
 * Makes bind groups and keeps them. What a dropped one holds on the device is given back when garbage
 * is collected, and the collector does not see how much that is: made for each dispatch, they take a
 * hundred mebibytes in a run of some hundred batches.
 */
export class BindGroups {
  readonly #device: GPUDevice;
  readonly #layouts = new Map<GPUComputePipeline, GPUBindGroupLayout>();
  readonly #groups = new Map<string, GPUBindGroup>();
  /** Numbers of pipelines, buffers and views: an object keeps its number, and a new one gets its own. */
  readonly #numbers = new WeakMap<object, number>();
  #next = 0;

  /**
   * Starts with none.
   *
   * @param device The device.
   */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /**
   * Gives the bind group of a dispatch.
   *
   * @param pipeline Its pipeline.
   * @param label Its label, for messages.
   * @param bound What it binds, in order.
   * @returns The group, the same for the same resources.
   */
  get(pipeline: GPUComputePipeline, label: string, bound: readonly Bound[]): GPUBindGroup {
    const parts = bound.map((resource) =>
      "buffer" in resource
        ? `${this.#numberOf(resource.buffer)}:${resource.size ?? ""}`
        : this.#numberOf(resource)
    );
    const key = [this.#numberOf(pipeline), ...parts].join(" ");
    const known = this.#groups.get(key);
    if (known !== undefined) return known;
    if (this.#groups.size >= MAX_GROUPS) this.#groups.clear();
    const group = this.#device.createBindGroup({
      label,
      layout: this.#layoutOf(pipeline),
      entries: bound.map((resource, binding) => ({ binding, resource })),
    });
    this.#groups.set(key, group);
    return group;
  }

  #layoutOf(pipeline: GPUComputePipeline): GPUBindGroupLayout {
    let layout = this.#layouts.get(pipeline);
    if (layout === undefined) {
      layout = pipeline.getBindGroupLayout(0);
      this.#layouts.set(pipeline, layout);
    }
    return layout;
  }

  #numberOf(object: object): number {
    let number = this.#numbers.get(object);
    if (number === undefined) {
      number = this.#next++;
      this.#numbers.set(object, number);
    }
    return number;
  }
}
