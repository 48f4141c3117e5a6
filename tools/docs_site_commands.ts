/**
 * The pages of the commands, made from the tables from which parsing, help and completions derive.
 *
 * @module
 */

import { type Command, GROUPS } from "../cli/command.ts";
import { type Flag, GLOBAL_FLAGS, valueName } from "../cli/flags.ts";
import { synopsisOf } from "../cli/help.ts";
import { type Html, html, type HtmlValue } from "../lib/report/html.ts";

/**
 * Makes the page of one command.
 *
 * @param command The command.
 * @returns What stands in the page's main part.
 */
export function commandPage(command: Command): Html {
  const { name, summary, description, positionals, flags, examples } = command;
  const usage = ["tinygraft", name, ...positionals.map(synopsisOf), "[FLAGS]"].join(" ");
  return html`
    <h1>tinygraft ${name}</h1>
    <p>${capital(summary)}.</p>
    <pre><code>${usage}</code></pre>
    ${paragraphs(description)}
    ${positionals.length === 0 ? undefined : argumentTable(command)}
    ${flags.length === 0 ? undefined : flagTable("Flags", flags)}
    ${flagTable("Flags of every command", GLOBAL_FLAGS)}
    <h2 id="examples">Examples</h2>
    ${examples.map(({ does, line }) =>
      html`
        <p>${capital(does)}:</p>
        <pre><code>${line}</code></pre>
      `
    )}
    <h2 id="exit-codes">Exit codes</h2>
    <p>0 done or passed, 1 failed, 2 called wrongly, 130 interrupted.</p>
  `;
}

/**
 * Makes the page that lists the commands.
 *
 * @param commands Every command.
 * @returns What stands in the page's main part.
 */
export function commandsPage(commands: readonly Command[]): Html {
  const groups = GROUPS.map((group) =>
    [group, commands.filter((command) => command.group === group)] as const
  );
  return html`
    <h1>Commands</h1>
    <p>Results go to stdout, everything else to stderr. With <code>--json</code> a command prints
    exactly one JSON document, also when it fails, with a stable <code>code</code>.</p>
    ${groups.map(([group, members]) =>
      html`
        <h2 id="${anchor(group)}">${group}</h2>
        <dl>${members.map(({ name, summary }) =>
          html`
            <dt><a href="${name}.html">tinygraft ${name}</a></dt>
            <dd>${capital(summary)}.</dd>
          `
        )}</dl>
      `
    )}
  `;
}

/** A description's paragraphs; those with indented lines keep their lines, as lists do. */
function paragraphs(text: string): Html[] {
  return text.split(/\n{2,}/).map((paragraph) =>
    /^ {2}/m.test(paragraph)
      ? html`<pre>${paragraph}</pre>`
      : html`<p>${withFlags(paragraph.replaceAll("\n", " "))}</p>`
  );
}

/** Sets the flags that a text mentions as code, so that no line breaks within one. */
function withFlags(text: string): (Html | string)[] {
  return text.split(/(?<![\w-])(--?[a-z][\w-]*)/).map((part, i) =>
    i % 2 === 1 ? html`<code class="flag">${part}</code>` : part
  );
}

function argumentTable({ positionals }: Command): Html {
  return table(
    "Arguments",
    ["argument", "is"],
    positionals.map((positional) => [
      html`<code>${synopsisOf(positional)}</code>`,
      positional.help,
    ]),
  );
}

function flagTable(title: string, flags: readonly Flag[]): Html {
  return table(
    title,
    ["flag", "does", "default"],
    flags.map((flag) => {
      const short = flag.short === undefined ? "" : `-${flag.short}, `;
      const value = flag.kind === "boolean" ? "" : ` ${valueName(flag)}`;
      const { choices = [], help } = flag;
      const unsaid = flag.value !== undefined && choices.some((choice) => !help.includes(choice));
      return [
        html`<code>${short}--${flag.name}${value}</code>`,
        withFlags(help + (unsaid ? ` (${choices.join(", ")})` : "")),
        flag.default === undefined ? "" : String(flag.default),
      ];
    }),
  );
}

function table(
  title: string,
  header: readonly string[],
  rows: readonly (readonly HtmlValue[])[],
): Html {
  return html`
    <h2 id="${anchor(title)}">${title}</h2>
    <div class="scroll">
      <table>
        <thead>
          <tr>${header.map((cell) => html`<th scope="col">${cell}</th>`)}</tr>
        </thead>
        <tbody>${rows.map((cells) =>
          html`<tr>${cells.map((cell) => html`<td>${cell}</td>`)}</tr>`
        )}</tbody>
      </table>
    </div>
  `;
}

function anchor(title: string): string {
  return title.toLowerCase().replaceAll(" ", "-");
}

function capital(text: string): string {
  return text.slice(0, 1).toUpperCase() + text.slice(1);
}
