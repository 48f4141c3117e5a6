import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { html } from "../../lib/report/html.ts";
import { figureOf, type Page, renderPage, tableOf, tilesOf } from "../../lib/report/page.ts";
import { all, assertSound, tableRows } from "./_page.ts";

function page(changes: Partial<Page> = {}): Promise<string> {
  return renderPage({
    title: "Title",
    verdict: "All is well.",
    mood: "good",
    lead: html``,
    sections: [],
    details: { command: "tinygraft check a", environment: [["device", "none"]] },
    ...changes,
  });
}

Deno.test("renderPage() makes a sound page of nothing but a verdict", async () => {
  const root = await assertSound(await page());
  assertEquals(all(root, "h1").map(({ text }) => text), ["Title"]);
  assertEquals(all(root, "h2").map(({ text }) => text), ["How to reproduce this"]);
  assertEquals(all(root, "code").map(({ text }) => text), ["tinygraft check a"]);
});

Deno.test("renderPage() escapes whatever it is given", async () => {
  const hostile = `</title></style><script>alert(1)</script>"'&amp;`;
  const environment = [[hostile, hostile]] as const;
  const root = await assertSound(
    await page({
      title: hostile,
      verdict: hostile,
      lead: tilesOf([{ name: hostile, value: hostile, detail: hostile }]),
      sections: [{
        title: hostile,
        body: tableOf({ caption: hostile, header: [hostile], rows: [[hostile]] }),
      }],
      details: { command: hostile, environment },
    }),
  );
  assertEquals(all(root, "h1")[0]!.text, hostile);
  assertEquals(all(root, "title")[0]!.text, hostile);
  assertEquals(all(root, "code")[0]!.text, hostile);
});

Deno.test("renderPage() knows the dark, the phone and nothing from outside", async () => {
  const text = await page();
  assertStringIncludes(text, "prefers-color-scheme: dark");
  assertStringIncludes(text, 'name="viewport"');
  assert(!/https?:/.test(text));
});

Deno.test("tableOf() cuts cells that never end, which browsers lay out for minutes", async () => {
  const endless = "/".repeat(100_000);
  const body = tableOf({ caption: "paths", header: ["a", "b"], rows: [[endless, endless]] });
  const root = await assertSound(await page({ sections: [{ title: "Part", body }] }));
  const cells = tableRows(root, "paths")[0]!;
  assertEquals(cells, [`${endless.slice(0, 2000)}…`, `${endless.slice(0, 2000)}…`]);
});

Deno.test("renderPage() names a script by its hash, and none where there is none", async () => {
  assert(!(await page()).includes("script"));
  const script = "document.title = '<!--';";
  const root = await assertSound(
    await page({ sections: [{ title: "Part", body: html``, script }] }),
  );
  assertEquals(all(root, "script").map(({ text }) => text), [script]);
});

Deno.test("renderPage() leads past its links, to the content and to each part", async () => {
  const sections = [{ title: "One", body: html`` }];
  const root = await assertSound(await page({ sections }));
  const links = all(root, "a").map(({ text, attributes }) => [text, attributes.get("href")]);
  assertEquals(links, [
    ["Skip to the content", "#content"],
    ["One", "#part-0"],
    ["How to reproduce this", "#part-1"],
  ]);
});

Deno.test("figureOf() keeps the numbers beside the chart", async () => {
  const body = figureOf({
    title: "A chart",
    caption: "of something",
    chart: html`<svg role="img" aria-label="x"></svg>`,
    tables: [{ caption: "its numbers", header: ["a", "b"], rows: [["1", "2"]] }],
  });
  const root = await assertSound(await page({ sections: [{ title: "Part", body }] }));
  const [figure] = all(root, "figure");
  assertEquals(all(figure!, "table").length, 1);
  assertEquals(all(figure!, "summary").map(({ text }) => text), ["The numbers"]);
});
