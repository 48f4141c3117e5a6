/**
 * Lint rules of the house: how errors are worded, who may print, how long files and functions
 * grow, and that no comment defers work.
 *
 * @module
 */

/** Words that an error message may begin with; most say `Cannot <action> <what>`. */
const OPENINGS = ["Cannot", "Unknown", "Missing", "Unexpected", "Repeated", "Bad", "Interrupted"];
const CONTRACTION =
  /\b\w+n['’]t\b|\b(?:it|that|there|what|let|here)['’]s\b|\w['’](?:re|ve|ll|d)\b/i;
const DEFERRED = /\b(?:TODO|FIXME|XXX|HACK)\b/;
const MAX_FILE_LINES = 400;
const MAX_FUNCTION_LINES = 80;
const ROOT = new URL("..", import.meta.url).pathname;

/** The file's path from the checkout's root, or as given when it lies elsewhere. */
function relativePath(context: Deno.lint.RuleContext): string {
  const path = context.filename.replaceAll("\\", "/");
  return path.startsWith(ROOT) ? path.slice(ROOT.length) : path;
}

/** Makes a rule that looks only into files under the folders given. */
function ruleFor(
  folders: readonly string[],
  create: (context: Deno.lint.RuleContext) => Deno.lint.LintVisitor,
): Deno.lint.Rule {
  return {
    create(context) {
      const path = relativePath(context);
      return folders.some((folder) => path.startsWith(folder)) ? create(context) : {};
    },
  };
}

/** How many lines the range of characters `[begin, end)` of a text covers. */
function countLines(text: string, [begin, end]: Deno.lint.Range): number {
  return text.slice(begin, end).trimEnd().split("\n").length;
}

/** The name of the class that `new` makes, when it is called by a plain name. */
function className(node: Deno.lint.NewExpression): string {
  return node.callee.type === "Identifier" ? node.callee.name : "";
}

/** The text at the head or the tail of a string expression; undefined where a value stands. */
function textAt(node: Deno.lint.Node, side: "head" | "tail"): string | undefined {
  if (node.type === "Literal") return typeof node.value === "string" ? node.value : undefined;
  if (node.type === "TemplateLiteral") {
    const quasi = node.quasis[side === "head" ? 0 : node.quasis.length - 1];
    return quasi?.cooked === "" && node.quasis.length > 1 ? undefined : quasi?.cooked;
  }
  if (node.type === "BinaryExpression" && node.operator === "+") {
    return textAt(side === "head" ? node.left : node.right, side);
  }
  return undefined;
}

/** Every piece of literal text in a string expression. */
function allText(node: Deno.lint.Node): string[] {
  if (node.type === "Literal") return typeof node.value === "string" ? [node.value] : [];
  if (node.type === "TemplateLiteral") return node.quasis.map((quasi) => quasi.cooked);
  if (node.type === "BinaryExpression") return [...allText(node.left), ...allText(node.right)];
  return [];
}

/** What is wrong with an error message, as far as its literal text tells. */
function messageFaults(message: Deno.lint.Node): string[] {
  const faults: string[] = [];
  const head = textAt(message, "head");
  if (head !== undefined && !OPENINGS.some((word) => head.startsWith(word))) {
    faults.push(`An error message starts with one of: ${OPENINGS.join(", ")}`);
  }
  if (/[.!?\s]$/.test(textAt(message, "tail") ?? "")) {
    faults.push("An error message ends without a full stop, mark or space");
  }
  if (allText(message).some((text) => CONTRACTION.test(text))) {
    faults.push("An error message has no contractions");
  }
  return faults;
}

/** Thrown messages: `Cannot <action> <what>: <found>, expected <what>: <remedy>`. */
const errorMessage = ruleFor(["lib/", "cli/"], (context) => ({
  NewExpression(node) {
    const message = node.arguments[0];
    if (!className(node).endsWith("Error") || !message) return;
    for (const fault of messageFaults(message)) context.report({ node: message, message: fault });
  },
}));

/** Plain `Error` carries no code that a caller or `--json` could use. */
const noBareError = ruleFor(["lib/", "cli/"], (context) => {
  const check = (node: Deno.lint.NewExpression | Deno.lint.CallExpression) => {
    if (node.callee.type !== "Identifier" || node.callee.name !== "Error") return;
    context.report({ node, message: "Throw a TinygraftError with a code, not a plain Error" });
  };
  return { NewExpression: check, CallExpression: check };
});

/** The library never prints, and the command line prints through its `Io`. */
const noConsole = ruleFor(["lib/", "cli/", "mod.ts"], (context) => ({
  MemberExpression(node) {
    if (relativePath(context) === "cli/main.ts") return;
    if (node.object.type !== "Identifier" || node.object.name !== "console") return;
    context.report({ node, message: "Only cli/main.ts and tools print to the console" });
  },
}));

/** Work is done or filed as an issue, not left in a comment. */
const noDeferredWork: Deno.lint.Rule = {
  create: (context) => ({
    Program() {
      for (const comment of context.sourceCode.getAllComments()) {
        const word = DEFERRED.exec(comment.value)?.[0];
        if (word === undefined) continue;
        context.report({ range: comment.range, message: `A ${word} comment: do it or file it` });
      }
    },
  }),
};

/** Long files hide what they do. */
const maxFileLines = ruleFor(["lib/", "cli/", "tools/"], (context) => ({
  Program(node) {
    const lines = countLines(context.sourceCode.text, [0, context.sourceCode.text.length]);
    if (lines <= MAX_FILE_LINES) return;
    context.report({ node, message: `${lines} lines, over ${MAX_FILE_LINES}: split the file` });
  },
}));

/** Long functions hide what they do. */
const maxFunctionLines = ruleFor(["lib/", "cli/", "tools/"], (context) => {
  const check = (
    node:
      | Deno.lint.FunctionDeclaration
      | Deno.lint.FunctionExpression
      | Deno.lint.ArrowFunctionExpression,
  ) => {
    const lines = countLines(context.sourceCode.text, node.range);
    if (lines <= MAX_FUNCTION_LINES) return;
    const message = `${lines} lines, over ${MAX_FUNCTION_LINES}: split the function`;
    context.report({ node, message });
  };
  return { FunctionDeclaration: check, FunctionExpression: check, ArrowFunctionExpression: check };
});

/** The plugin, as deno.json names it. */
const plugin: Deno.lint.Plugin = {
  name: "tinygraft",
  rules: {
    "error-message": errorMessage,
    "no-bare-error": noBareError,
    "no-console": noConsole,
    "no-deferred-work": noDeferredWork,
    "max-file-lines": maxFileLines,
    "max-function-lines": maxFunctionLines,
  },
};
export default plugin;
