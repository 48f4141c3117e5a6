/**
 * The checksum of zip archives.
 *
 * @module
 */

const POLYNOMIAL = 0xedb88320;

const TABLE = Uint32Array.from({ length: 256 }, (_, byte) => {
  let value = byte;
  for (let bit = 0; bit < 8; bit++) value = (value >>> 1) ^ (value & 1 ? POLYNOMIAL : 0);
  return value;
});

/**
 * Computes the CRC-32 of bytes, as zip, gzip and PNG define it.
 *
 * @param bytes The bytes; left unchanged.
 * @param before The checksum of what came before them.
 * @returns The checksum, an unsigned 32-bit integer.
 */
export function crc32(bytes: Uint8Array, before = 0): number {
  let crc = ~before;
  for (let i = 0; i < bytes.length; i++) crc = (crc >>> 8) ^ TABLE[(crc ^ bytes[i]!) & 255]!;
  return ~crc >>> 0;
}
