import { assertEquals, assertThrows } from "@std/assert";
import { UsageError } from "../../lib/errors.ts";
import { parseClozePattern } from "../../lib/text/cloze_pattern.ts";

const literal = (text: string) => ({ kind: "literal", text } as const);
const TEXT = { kind: "text" } as const;
const PAIR = { kind: "pair" } as const;

Deno.test("parseClozePattern() divides a pattern at the mask and at the separator", () => {
  const one = parseClozePattern("{text} It was [MASK].");
  assertEquals(one.segments, [[[TEXT, literal(" It was ")], [literal(".")]]]);
  assertEquals(one.usesPair, false);
  const two = parseClozePattern(' "{pair}" ? || [MASK], "{text}" ');
  assertEquals(two.segments, [
    [[literal('"'), PAIR, literal('" ?')]],
    [[], [literal(', "'), TEXT, literal('"')]],
  ]);
  assertEquals([two.usesPair, two.source], [true, ' "{pair}" ? || [MASK], "{text}" ']);
});

Deno.test("parseClozePattern() takes every spelling of a place", () => {
  const want = parseClozePattern("{pair}? || [MASK], {text}").segments;
  for (const pattern of ["{text-pair}? {sep} {mask}, {text}", "{pair}?||<mask>, {text}"]) {
    assertEquals(parseClozePattern(pattern).segments, want);
  }
});

Deno.test("parseClozePattern() refuses what is no question about a row", () => {
  const cases = [
    ["{text} It was.", "no [MASK]"],
    ["It was [MASK].", "no {text}"],
    ["[MASK] {text} {mask}", "[MASK] 2 times"],
    ["{text} {text} [MASK]", "{text} 2 times"],
    ["{text} {pair} {text-pair} [MASK]", "{pair} 2 times"],
    ["{text} || {pair} || [MASK]", "more than one separator"],
    ["{text} {premise} [MASK]", "{premise}"],
    ["", "no [MASK]"],
  ] as const;
  for (const [pattern, found] of cases) {
    const error = assertThrows(() => parseClozePattern(pattern), UsageError, found);
    assertEquals(error.code, "invalid-cloze");
  }
});
