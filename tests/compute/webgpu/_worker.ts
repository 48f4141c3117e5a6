// Workers that stand in for the real one: tests say what its scope does before it serves.

const SERVE = import.meta.resolve("../../../lib/compute/webgpu/serve.ts");

/**
 * Replaces the workers that start until it is disposed by ones that first run some code; in it
 * `serve` is what the real worker calls. Without a call of it the worker never answers.
 */
export function replaceWorkers(code: string): Disposable {
  const Original = globalThis.Worker;
  globalThis.Worker = class extends Original {
    constructor(_: string | URL, options?: WorkerOptions) {
      const source = `import { serve } from "${SERVE}"; ${code}`;
      super(`data:text/javascript,${encodeURIComponent(source)}`, options);
    }
  };
  return { [Symbol.dispose]: () => void (globalThis.Worker = Original) };
}

/** Code of a worker whose device is lost while its second piece of work is under way. */
export const LOSE_DEVICE = `
  const { requestDevice } = GPUAdapter.prototype;
  GPUAdapter.prototype.requestDevice = async function (descriptor) {
    const device = await requestDevice.call(this, descriptor);
    const { submit } = GPUQueue.prototype;
    let submissions = 0;
    GPUQueue.prototype.submit = function (buffers) {
      submit.call(this, buffers);
      if (++submissions === 2) device.destroy();
    };
    return device;
  };
  serve(globalThis);`;

/** Code of a worker whose reads never end. */
export const NEVER_READ = `
  serve(globalThis);
  const { onmessage } = globalThis;
  globalThis.onmessage = (event) => {
    if (event.data.read === undefined) onmessage(event);
  };`;
