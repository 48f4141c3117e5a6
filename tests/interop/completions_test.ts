// Completions as bash, zsh and fish themselves offer them.

import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { COMMANDS } from "../../cli/commands.ts";
import { completions, type Shell, SHELLS } from "../../cli/completions.ts";
import { GLOBAL_FLAGS } from "../../cli/flags.ts";

const ZSH_PEER = fromFileUrl(new URL("completions_peer.zsh", import.meta.url));

/** How a shell is asked what it offers at the end of a line, given the script's path. */
const ASK: Record<Shell, (script: string, words: readonly string[]) => string[]> = {
  // What readline does: it sets the words, "=" one of them, and calls the function.
  bash: (script, words) => [
    ...["bash", "--norc", "-c"],
    'source "$0"; COMP_WORDS=("$@"); COMP_CWORD=$(($# - 1)); _tinygraft\n' +
    'for offer in "${COMPREPLY[@]}"; do printf "%s\\n" "$offer"; done',
    script,
    ...words.flatMap((word) => /^--.*=/.test(word) ? splitAtEqual(word) : [word]),
  ],
  zsh: (script, words) => ["zsh", "-f", ZSH_PEER, script, words.join(" ")],
  fish: (script, words) => [
    ...["fish", "--no-config", "-c"],
    "source $argv[1]; complete -C $argv[2]",
    ...[script, words.join(" ")],
  ],
};

function splitAtEqual(word: string): string[] {
  const [flag, value] = word.split("=") as [string, string];
  return value === "" ? [flag, "="] : [flag, "=", value];
}

/** A folder with the script of a shell and two files; offers come back sorted and plain. */
class Asked implements AsyncDisposable {
  private constructor(readonly shell: Shell, readonly folder: string) {}

  static async of(shell: Shell): Promise<Asked> {
    const asked = new Asked(shell, await Deno.makeTempDir({ prefix: "tinygraft-test-" }));
    await Deno.mkdir(join(asked.folder, "data-set"));
    await Deno.writeTextFile(join(asked.folder, "data.tsv"), "");
    await Deno.writeTextFile(join(asked.folder, ".script"), completions(shell, COMMANDS));
    return asked;
  }

  async offers(...words: string[]): Promise<string[]> {
    const [program, ...args] = ASK[this.shell](join(this.folder, ".script"), words);
    const { code, stdout, stderr } = await new Deno.Command(program!, {
      args,
      cwd: this.folder,
      env: { TERM: "dumb", XDG_CONFIG_HOME: this.folder, XDG_DATA_HOME: this.folder },
      stdin: "null",
    }).output().catch((cause: Error) => {
      throw new Error(`No ${program}: install it, or run these by deno task test:real`, { cause });
    });
    const text = new TextDecoder().decode(stdout);
    assertEquals([code, new TextDecoder().decode(stderr)], [0, ""], text);
    // fish adds descriptions and the slashes of folders, and repeats the flag before "=".
    return text.split("\n").map((line) => line.split("\t")[0]!.replace(/^--[^=]*=|\/$/g, ""))
      .filter((line) => line !== "").sort();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Deno.remove(this.folder, { recursive: true });
  }
}

function flagsBeginning(name: string, beginning: string): string[] {
  const { flags } = COMMANDS.find((command) => command.name === name)!;
  return [...flags, ...GLOBAL_FLAGS].map((flag) => `--${flag.name}`)
    .filter((flag) => flag.startsWith(beginning)).sort();
}

for (const shell of SHELLS) {
  Deno.test(`${shell} completes commands, flags, values and files`, async () => {
    await using asked = await Asked.of(shell);
    const names = COMMANDS.map(({ name }) => name).filter((name) => name.startsWith("in"));
    const ask = (...words: string[]) => asked.offers("tinygraft", ...words);
    assertEquals(await ask("in"), names.toSorted());
    assertEquals(await ask("--json", "inj"), ["inject"]);
    assertEquals(await ask("help", "mer"), ["merge"]);
    assertEquals(await ask("merge", "--he"), ["--heads", "--help"]);
    const ofCheck = flagsBeginning("check", "--pre");
    assert(ofCheck.length > 1);
    assertEquals(await ask("check", "base", "--pre"), ofCheck);
    const methods = ["aligned", "average", "distil", "product", "stack"];
    assertEquals(await ask("merge", "a", "b", "--method", ""), methods);
    assertEquals(await ask("check", "base", "--device=w"), ["wasm", "webgpu"]);
    assertEquals(await ask("check", "base", "--task", "st"), ["stsb"]);
    assertEquals(await ask("completions", ""), SHELLS.toSorted());
    const files = ["data-set", "data.tsv"];
    assertEquals(await ask("inspect", "da"), files);
    assertEquals(await ask("merge", "a", "--base", "da"), files);
    assertEquals(await ask("soup", "a", "b", "c", "da"), files);
    // A number cannot be told beforehand, and some commands take no argument.
    assertEquals(await ask("merge", "a", "--heads", "da"), []);
    assertEquals(await ask("doctor", "da"), []);
    // An argument that is called like a command is none.
    assertEquals(await ask("predict", "merge", "--met"), []);
  });
}
