import { assertEquals, assertStringIncludes } from "@std/assert";
import { runProcess } from "../../tools/process.ts";

/** Command line of a small script. */
function script(code: string): string[] {
  return [Deno.execPath(), "eval", "--no-config", code];
}

Deno.test("runProcess() returns the exit code and all output when nothing is shown", async () => {
  const code = 'console.error("two"); console.log("one"); Deno.exit(3);';
  assertEquals(await runProcess(script(code)), { code: 3, output: "one\ntwo\n" });
});

Deno.test("runProcess() shows stdout as it comes and returns it", async () => {
  const chunks: string[] = [];
  const { output } = await runProcess(script('console.log("é");'), {
    onOutput: (chunk) => chunks.push(new TextDecoder().decode(chunk)),
  });
  assertEquals([chunks.join(""), output], ["é\n", "é\n"]);
});

Deno.test("runProcess() adds to the environment and works in the folder given", async () => {
  const code = 'console.log(Deno.env.get("TINYGRAFT_X"), Deno.env.has("PATH"), Deno.cwd());';
  const cwd = await Deno.realPath(await Deno.makeTempDir());
  const { output } = await runProcess(script(code), { cwd, env: { TINYGRAFT_X: "y" } });
  await Deno.remove(cwd);
  assertEquals(output, `y true ${cwd}\n`);
});

Deno.test("runProcess() gives 128 and the signal's number when a signal ended the program", async () => {
  assertEquals((await runProcess(script('Deno.kill(Deno.pid, "SIGABRT");'))).code, 134);
});

Deno.test("runProcess() gives 127 when there is no such program", async () => {
  const { code, output } = await runProcess(["tinygraft-no-such-program"]);
  assertEquals(code, 127);
  assertStringIncludes(output, "not found");
});
