import { assertEquals } from "@std/assert";
import fc from "fast-check";
import { escapeHtml, html } from "../../lib/report/html.ts";
import { all, parsePage } from "./_page.ts";

Deno.test("html() escapes text and numbers, joins lists and leaves out nothing", () => {
  const items = ["<", "&"].map((item) => html`<li>${item}</li>`);
  assertEquals(
    html`<ul title="${`"'`}">${items}${undefined}${1.5}</ul>`.markup,
    '<ul title="&quot;&#39;"><li>&lt;</li><li>&amp;</li>1.5</ul>',
  );
});

Deno.test("html() leaves out its own indentation, but none of a value", () => {
  const text = "  two\n  lines ";
  assertEquals(
    html`
      <p>
        ${text}
      </p>
    `.markup,
    `<p>\n${text}\n</p>`,
  );
});

Deno.test("html() keeps markup that it made itself", () => {
  assertEquals(html`<p>${html`<b>${"<i>"}</b>`}</p>`.markup, "<p><b>&lt;i&gt;</b></p>");
});

Deno.test("escapeHtml() replaces what HTML cannot hold or what turns the text's direction", () => {
  assertEquals(
    escapeHtml("a\0b\x07c\ud800d\u202ee\ufffef\ng\th"),
    "a\ufffdb\ufffdc\ufffdd\ufffde\ufffdf\ng\th",
  );
  assertEquals(escapeHtml("\u{1f600} é 文"), "\u{1f600} é 文");
});

Deno.test("escapeHtml() is read back as the text by HTML's own parser", () => {
  const page = (text: string) =>
    `<!DOCTYPE html><html lang="en"><head><title>t</title></head><body title="${
      escapeHtml(text)
    }"><p>${escapeHtml(text)}</p></body></html>`;
  const characters = fc.constantFrom(..."<>&\"'/=`!- \n-abc;#x0é".split(""), "<!--", "</p>", "&lt");
  fc.assert(
    fc.property(fc.array(characters).map((parts) => parts.join("")), (text) => {
      const root = parsePage(page(text));
      assertEquals(all(root, "p").map((element) => element.text), [text]);
      assertEquals(all(root, "body")[0]!.attributes.get("title"), text);
    }),
    { seed: 7, numRuns: 300 },
  );
});
