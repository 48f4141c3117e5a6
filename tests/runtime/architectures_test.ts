// Every architecture on the reference backend against PyTorch.

import { ReferenceBackend } from "../../lib/compute/reference/backend.ts";
import { checkArchitecture, NAMES } from "./_architectures.ts";

for (const name of NAMES) {
  Deno.test(`Encoder gives PyTorch's values for ${name}, at lengths 1 to 512`, async () => {
    const backend = new ReferenceBackend({ maxTokens: 2048 });
    try {
      await checkArchitecture(name, backend);
    } finally {
      backend.destroy();
    }
  });
}
