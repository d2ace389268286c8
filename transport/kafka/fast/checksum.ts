import { crc32c } from '@node-rs/crc32';

/** CRC-32C of the bytes, unsigned, as a record batch has it. */
export const checksum = (bytes: Buffer): number => crc32c(bytes);
