import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { DOMParser } from "linkedom";
import { renderJunit } from "../../lib/gate/junit.ts";
import { BROKEN, FAILED, HOSTILE, OUTCOMES, PASSED } from "./_outcomes.ts";
import { xmlFaults } from "./_schemas.ts";

Deno.test("renderJunit() keeps to the XML Schema, with hostile texts and with none", async () => {
  assertEquals(await xmlFaults(renderJunit(OUTCOMES), "junit-10.xsd"), []);
  assertEquals(await xmlFaults(renderJunit([]), "junit-10.xsd"), []);
  const without = renderJunit([PASSED]).replaceAll(' failures="0"', "");
  const faults = await xmlFaults(without, "junit-10.xsd");
  assert(faults.some((fault) => fault.includes("'failures' is required")), "the schema sees it");
});

Deno.test("renderJunit() counts failures and errors apart", () => {
  const xml = renderJunit([PASSED, FAILED, FAILED, BROKEN]);
  const counts = 'tests="4" failures="2" errors="1"';
  assertStringIncludes(xml, `<testsuites name="tinygraft" ${counts} time="6.000">`);
  assertStringIncludes(
    xml,
    `<testsuite name="tinygraft check" ${counts} skipped="0" time="6.000">`,
  );
  assertEquals(xml.match(/<failure /g)?.length, 2);
  assertEquals(xml.match(/<error /g)?.length, 1);
});

Deno.test("renderJunit() says what was measured and where the limit stands", () => {
  const lines = renderJunit([FAILED]).split("\n").map((line) => line.trim());
  assertEquals(lines.slice(3, 9), [
    '<testcase name="average" classname="tinygraft.check" time="1.500">',
    '<failure type="max-drop" message="accuracy fell by 52.22 points, at most 1.00 allowed">' +
    "ci/tinygraft.yaml:12: accuracy fell by 52.22 points, at most 1.00 allowed</failure>",
    "<system-out>accuracy: 89.17 before, 36.94 after on 360 rows",
    "drop: 52.22 points (95 % interval 47.00 to 57.50), at most 1.00 allowed",
    "base: encoder",
    "before: adapter",
  ]);
});

Deno.test("renderJunit() keeps hostile text apart from the one markup that is its own", () => {
  const xml = renderJunit([BROKEN]);
  const document = new DOMParser().parseFromString(xml, "text/xml");
  const [error] = document.querySelectorAll("error");
  // What XML cannot hold is replaced; all else comes back.
  const readable = ["\u0000", "\u001b", "\ud800"].reduce(
    (text, character) => text.replaceAll(character, "\ufffd"),
    HOSTILE,
  );
  assertEquals(error?.textContent, readable);
  assertEquals(document.querySelectorAll("script").length, 0);
  assertEquals(document.querySelectorAll("testcase *").length, 2);
});
