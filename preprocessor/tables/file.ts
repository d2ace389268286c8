import { createHash } from 'node:crypto';
import { open, stat } from 'node:fs/promises';

/** What tells by a look that a file has changed: which file it is, its length, when it was changed. '' for one that is not there. */
export async function lookAt(path: string): Promise<string> {
  try {
    const { dev, ino, size, mtimeNs, ctimeNs } = await stat(path, { bigint: true });
    return `${dev}.${ino} ${size} ${mtimeNs} ${ctimeNs}`;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return '';
    throw error;
  }
}

const PIECE = 1 << 20;

/** A file's content and its hash, piece by piece, so that a large one holds up nothing else in the thread. */
export async function readHashed(path: string): Promise<{ readonly bytes: Buffer; readonly hash: string }> {
  const file = await open(path);
  try {
    const hash = createHash('sha256');
    const pieces: Buffer[] = [];
    for (;;) {
      const { bytesRead, buffer } = await file.read(Buffer.allocUnsafe(PIECE), 0, PIECE);
      if (bytesRead === 0) break;
      const piece = buffer.subarray(0, bytesRead);
      hash.update(piece);
      pieces.push(piece);
    }
    return { bytes: Buffer.concat(pieces), hash: hash.digest('hex') };
  } finally {
    await file.close();
  }
}
