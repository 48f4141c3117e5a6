/**
 * Recognises what a file is when it is not safetensors.
 *
 * @module
 */

/** How many bytes from the start of a file `sniff` wants, at most. */
export const SNIFF_BYTES = 512;

interface Format {
  readonly isAt: (head: Uint8Array, text: string) => boolean;
  readonly hint: string;
}

const FORMATS: readonly Format[] = [
  {
    isAt: startsWith(0x50, 0x4b, 0x03, 0x04),
    hint: "the file is a zip archive, as PyTorch writes .bin and .pt and NumPy .npz: " +
      'turn it into safetensors with "tinygraft convert"',
  },
  {
    isAt: (head) => head[0] === 0x80 && head[1] !== undefined && head[1] >= 2 && head[1] <= 5,
    hint: "the file is a Python pickle, as old PyTorch versions write .bin and .pt: " +
      'turn it into safetensors with "tinygraft convert", which runs nothing in it',
  },
  {
    isAt: startsWith(0x1f, 0x8b),
    hint: "the file is compressed with gzip: decompress it",
  },
  {
    isAt: startsWith(0x47, 0x47, 0x55, 0x46),
    hint: "the file is in the GGUF format of llama.cpp: use the checkpoint it was made from",
  },
  {
    isAt: (_, text) => /^\s*<(?:!doctype\s+html|html|head|\?xml)/i.test(text),
    hint: "the file is an HTML page, perhaps the answer of a server that wants a login: " +
      "download the file anew",
  },
  {
    isAt: (_, text) => /^\s*\{\s*(?:"|\}|$)/.test(text),
    hint: "the file is JSON text: give the tensor file or its folder",
  },
  {
    // Eight bytes of text at least, as no length of a header within the cap is.
    isAt: (head, text) => head.length >= 8 && !/[^\t\n\r\x20-\x7e\u00a0-\uffff]/.test(text),
    hint: "the file is text: give the tensor file or its folder",
  },
];

/**
 * Says what a file is instead of safetensors. Only to be asked after a header rule failed: the
 * length bytes of a valid file can look like another format.
 *
 * @param head The first {@linkcode SNIFF_BYTES} bytes of the file, or all when it is shorter.
 * @returns What the file is and what to do, or undefined when it is nothing known.
 */
export function sniff(head: Uint8Array): string | undefined {
  const text = new TextDecoder().decode(head);
  if (text.startsWith("version https://git-lfs")) return describePointer(text);
  return FORMATS.find(({ isAt }) => isAt(head, text))?.hint;
}

/** Describes a Git LFS pointer: three lines of text where the tensor file should be. */
function describePointer(text: string): string {
  const oid = /^oid (\w{1,16}:[0-9a-f]{1,128})$/m.exec(text)?.[1];
  const size = /^size ([0-9]{1,20})$/m.exec(text)?.[1];
  const details = [oid && `oid ${oid}`, size && `size ${size} bytes`].filter(Boolean).join(", ");
  return `the file is a Git LFS pointer, not the tensor file${details && ` (${details})`}: ` +
    'fetch the real file with "git lfs pull" or download it from where the repository is hosted';
}

function startsWith(...magic: number[]): (head: Uint8Array) => boolean {
  return (head) => magic.every((byte, i) => head[i] === byte);
}
