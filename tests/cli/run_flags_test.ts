import { assertEquals, assertThrows } from "@std/assert";
import { threadsOf } from "../../cli/run_flags.ts";
import { UsageError } from "../../lib/errors.ts";

const withThreads = (text: string | undefined) => threadsOf({ env: () => text });

Deno.test("threadsOf() reads TINYGRAFT_THREADS and refuses what is no number of threads", () => {
  assertEquals([withThreads(undefined), withThreads("1"), withThreads("16")], [undefined, 1, 16]);
  for (const text of ["0", "-1", "1.5", "two", "1e2", "257"]) {
    assertThrows(() => withThreads(text), UsageError, `TINYGRAFT_THREADS=${text}`);
  }
});
