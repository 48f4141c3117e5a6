import { assertEquals, assertThrows } from "@std/assert";
import { parseCommandLine } from "../../cli/flags.ts";
import { HEAD_FLAGS, headChoice } from "../../cli/head_flags.ts";
import { UsageError } from "../../lib/errors.ts";

const COMMAND = { name: "check", positionals: [], flags: HEAD_FLAGS };
const choose = (...argv: string[]) => headChoice(parseCommandLine(COMMAND, argv).flags);

Deno.test("headChoice() reads the flags of a head", () => {
  assertEquals(choose(), undefined);
  assertEquals(choose("--head", "base"), { kind: "base" });
  assertEquals(choose("--head", "adapter"), { kind: "adapter" });
  assertEquals(choose("--cloze", "{text} [MASK]", "--verbalizer", "yes, no"), {
    kind: "cloze",
    pattern: "{text} [MASK]",
    verbalizer: ["yes", "no"],
  });
});

Deno.test("headChoice() refuses flags that say half of it, or too much", () => {
  const cloze = ["--cloze", "{text} [MASK]"];
  const cases: readonly (readonly [argv: string[], found: string])[] = [
    [cloze, "--verbalizer WORDS"],
    [["--verbalizer", "yes,no"], "--cloze PATTERN"],
    [[...cloze, "--verbalizer", "yes,no", "--head", "base"], "--head"],
    [[...cloze, "--verbalizer", "yes"], "two words or more"],
    [[...cloze, "--verbalizer", "yes,,no"], "two words or more"],
    [["--cloze", "{text}", "--verbalizer", "yes,no"], "no [MASK]"],
    [["--head", "own"], "expected one of adapter, base"],
  ];
  for (const [argv, found] of cases) {
    assertThrows(() => choose(...argv), UsageError, found);
  }
});
