import { assertRejects, assertStringIncludes } from "@std/assert";
import { assertAccessible, browserTest, withPage } from "./_browser.ts";

const pageOf = (head: string, body: string) =>
  `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>t</title>${head}</head>` +
  `<body><main><h1>t</h1>${body}</main></body></html>`;

browserTest("assertAccessible() finds pale text and unnamed fields", async (browser) => {
  const markup = pageOf("", "<p style='color: #aaa; background: #fff'>pale</p><input>");
  await withPage(browser, markup, {}, async ({ page }) => {
    const { message } = await assertRejects(() => assertAccessible(page), Error);
    assertStringIncludes(message, "color-contrast");
    assertStringIncludes(message, "label: <input>");
  });
});

for (
  const [what, head, body, said] of [
    ["a request", "", "<img src='other.png' alt='x'>", "other.png"],
    ["an error", "", "<script>throw new Error('thrown')</script>", "thrown"],
    ["a word in the console", "", "<script>console.log('said')</script>", "said"],
    [
      "what the page's policy forbids",
      `<meta http-equiv="Content-Security-Policy" content="default-src 'none'">`,
      "<script>1</script>",
      "Content Security Policy",
    ],
  ] as const
) {
  browserTest(`withPage() notices ${what}`, async (browser) => {
    const open = () => withPage(browser, pageOf(head, body), {}, () => Promise.resolve());
    const { message } = await assertRejects(open, Error);
    assertStringIncludes(message, said);
  });
}
