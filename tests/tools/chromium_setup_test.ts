import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { type ChromiumSteps, setUpChromium } from "../../tools/chromium_setup.ts";

/** A machine that has some programs, and others after an installation. */
function machine(
  programs: readonly string[],
  { named, after, fails }: { named?: string; after?: readonly string[]; fails?: string } = {},
) {
  const there = new Set(programs);
  const asked: string[] = [];
  const steps: ChromiumSteps = {
    named,
    probe: (path) => Promise.resolve(there.has(path) ? "1.2.3.4" : undefined),
    install: after === undefined && fails === undefined ? undefined : (packages) => {
      asked.push(...packages);
      for (const path of after ?? []) there.add(path);
      return Promise.resolve(fails);
    },
    tell: () => {},
  };
  return { steps, asked };
}

const DEBIAN = "/usr/bin/chromium";

Deno.test("setUpChromium() takes what is there and installs nothing", async () => {
  const { steps, asked } = machine(["/usr/bin/google-chrome"], { after: [DEBIAN] });
  assertEquals(await setUpChromium(steps), { path: "/usr/bin/google-chrome", version: "1.2.3.4" });
  assertEquals(asked, []);
});

Deno.test("setUpChromium() installs Chromium with a font where there is none", async () => {
  const { steps, asked } = machine([], { after: [DEBIAN] });
  assertEquals(await setUpChromium(steps), { path: DEBIAN, version: "1.2.3.4" });
  assertEquals(asked, ["chromium", "fonts-dejavu-core"]);
});

Deno.test("setUpChromium() says what to do where it cannot install", async () => {
  const reasonOf = async (steps: ChromiumSteps) => {
    const setup = await setUpChromium(steps);
    assert("reason" in setup);
    return setup.reason;
  };
  assertStringIncludes(await reasonOf(machine([]).steps), "sudo apt-get install chromium");
  assertStringIncludes(await reasonOf(machine([], { fails: "no network" }).steps), "no network");
  assertStringIncludes(await reasonOf(machine([], { after: [] }).steps), "are installed, yet");
});

Deno.test("setUpChromium() takes the program that the user names, and no other", async () => {
  const { steps } = machine([DEBIAN, "/opt/chrome"], { named: "/opt/chrome" });
  assertEquals(await setUpChromium(steps), { path: "/opt/chrome", version: "1.2.3.4" });
  const missing = await setUpChromium(machine([DEBIAN], { named: "/opt/none" }).steps);
  assert("reason" in missing);
  assertStringIncludes(missing.reason, "/opt/none");
});
