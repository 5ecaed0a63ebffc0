/** An encrypted OpenSSH key says itself how much work decrypting it takes, so its sender decides. */

const FORM = /^-----BEGIN OPENSSH PRIVATE KEY-----\r?\n([\s\S]+)\r?\n-----END OPENSSH PRIVATE KEY-----/m;
const MAGIC_BYTES = 'openssh-key-v1\0'.length;

/**
 * Rounds of the key derivation; 0 for a key without one and for a truncated key. After the magic, the key has strings with their
 * length: the cipher, the derivation, and the derivation's options (a salt and the rounds).
 */
export function keyRounds(text: string): number {
  const data = Buffer.from(FORM.exec(text)?.[1] ?? '', 'base64');
  let at = MAGIC_BYTES;
  const next = () => {
    const start = at + 4;
    at = start + data.readUInt32BE(at);
    return data.subarray(start, at);
  };
  try {
    next();
    if (next().toString() === 'none') return 0;
    const options = next();
    return options.readUInt32BE(4 + options.readUInt32BE(0));
  } catch {
    return 0;
  }
}
