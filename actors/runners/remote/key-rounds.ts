/** What it costs to open an encrypted OpenSSH key is written in the key, so whoever sends one decides. */

const FORM = /^-----BEGIN OPENSSH PRIVATE KEY-----\r?\n([\s\S]+)\r?\n-----END OPENSSH PRIVATE KEY-----/m;
const MAGIC_BYTES = 'openssh-key-v1\0'.length;

/**
 * Rounds of the key derivation; 0 for a key that has none or that is cut off. After the magic stand strings, each with its
 * length before it: the cipher, the derivation, and the derivation's options, which are a salt and the rounds.
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
