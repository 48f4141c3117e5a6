// Arrays in NumPy's format, assembled by hand.

import { concat } from "../zip/_zip.ts";

/** The bytes of an array with a header as it stands. */
export function npy(header: string, data: Uint8Array, version = 1): Uint8Array<ArrayBuffer> {
  const text = new TextEncoder().encode(header);
  const length = text.byteLength;
  const lengthBytes = version === 1
    ? [length & 255, length >> 8]
    : [length & 255, length >> 8 & 255, length >> 16, 0];
  const head = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59, version, 0, ...lengthBytes];
  return concat(Uint8Array.from(head), text, data);
}

/** A header. */
export function header(descr: string, shape: string, isFortran = "False"): string {
  return `{'descr': ${descr}, 'fortran_order': ${isFortran}, 'shape': ${shape}, }\n`;
}
