// Every architecture on WebAssembly against PyTorch.

import { WasmBackend } from "../../lib/compute/wasm/backend.ts";
import { checkArchitecture, NAMES } from "./_architectures.ts";

for (const name of NAMES) {
  Deno.test(`Encoder on WebAssembly gives PyTorch's values for ${name}`, async () => {
    const backend = new WasmBackend({ maxTokens: 2048, threads: 2 });
    try {
      await checkArchitecture(name, backend);
    } finally {
      backend.destroy();
    }
  });
}
