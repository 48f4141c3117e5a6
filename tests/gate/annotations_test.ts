import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { annotate, renderAnnotations } from "../../lib/gate/annotations.ts";
import { BROKEN, FAILED, PASSED } from "./_outcomes.ts";

Deno.test("renderAnnotations() names file, line and column of a failure", () => {
  assertEquals(renderAnnotations([PASSED, FAILED]), [
    "::error file=ci/tinygraft.yaml,line=12,col=5,title=tinygraft check average::" +
    "accuracy fell by 52.22 points, at most 1.00 allowed",
  ]);
});

Deno.test("renderAnnotations() writes one line for a failure, whatever it holds", () => {
  const [line] = renderAnnotations([BROKEN]);
  assertEquals(line?.split(/[\r\n]/).length, 1);
  assertEquals(
    line?.slice(0, 69),
    "::error title=tinygraft check a|b <script>&\"'`*_[x](y) @user #1%2C 10",
  );
});

/** Reads a command as GitHub's runner does (actions/runner, ActionCommand.cs). */
function read(line: string) {
  const match = /^::error (.*?)::(.*)$/s.exec(line)!;
  const data = (text: string) =>
    text.replaceAll("%0A", "\n").replaceAll("%0D", "\r").replaceAll("%25", "%");
  const property = (text: string) => data(text.replaceAll("%3A", ":").replaceAll("%2C", ","));
  const properties = match[1]!.split(",").map((pair) => {
    const [key, ...value] = pair.split("=");
    return [key, property(value.join("="))];
  });
  return { properties: Object.fromEntries(properties), message: data(match[2]!) };
}

Deno.test("annotate() is read back as it was by the rules of GitHub's runner", () => {
  const text = fc.string({ unit: fc.constantFrom("%", ":", ",", "\n", "\r", "=", "a", "2", "5") });
  fc.assert(
    fc.property(text, text, text, (title, file, message) => {
      const line = annotate(title, { message, location: { file, line: 3, column: 4 } });
      assertEquals(read(line), { properties: { file, line: "3", col: "4", title }, message });
    }),
    { seed: 9, numRuns: 200 },
  );
});
