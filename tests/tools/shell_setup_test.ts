import { assertEquals, assertStringIncludes } from "@std/assert";
import { setUpShells } from "../../tools/shell_setup.ts";

/** A pretended machine with some shells, and a log of what was installed. */
function machine(shells: string[], install?: string | true) {
  const log: string[] = [];
  const steps = {
    has: (program: string) => Promise.resolve(shells.includes(program)),
    install: install === undefined ? undefined : (packages: readonly string[]) => {
      log.push(...packages);
      return Promise.resolve(install === true ? undefined : install);
    },
    tell: () => {},
  };
  return { steps, log };
}

Deno.test("setUpShells() installs what is missing and nothing else", async () => {
  const complete = machine(["zsh", "fish"], true);
  assertEquals([await setUpShells(complete.steps), complete.log], [undefined, []]);
  const half = machine(["zsh"], true);
  assertEquals([await setUpShells(half.steps), half.log], [undefined, ["fish"]]);
});

Deno.test("setUpShells() says what to install where it cannot", async () => {
  assertStringIncludes((await setUpShells(machine(["fish"]).steps))!, "apt-get install zsh");
  assertStringIncludes((await setUpShells(machine([], "no route").steps))!, "no route");
});
