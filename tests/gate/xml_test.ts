import { assertEquals } from "@std/assert";
import { xmlAttribute, xmlText } from "../../lib/gate/xml.ts";

Deno.test("xmlText() escapes markup and the carriage return that readers would lose", () => {
  assertEquals(xmlText("a<b>&c\r\n"), "a&lt;b&gt;&amp;c&#13;\n");
});

Deno.test("xmlText() replaces what XML cannot hold, and nothing beside it", () => {
  assertEquals(xmlText("\u0000\u0008\u000b\u000c\u000e\u001f\ufffe\uffff"), "\ufffd".repeat(8));
  assertEquals(xmlText("\ud800x"), "\ufffdx");
  assertEquals(xmlText("\t\n \u007fé\ufffd😀"), "\t\n \u007fé\ufffd😀");
});

Deno.test("xmlAttribute() keeps quotes, tabs and line feeds as characters", () => {
  assertEquals(xmlAttribute(`"a"\t'b'\n`), "&quot;a&quot;&#9;'b'&#10;");
});
