/** Sets of keys as bits, and sorted lists of numbers as bytes (Rice coding of the differences). Pure. */

/** Calls `each` with every key of the set, ascending. */
export function eachKey(set: Uint32Array, each: (key: number) => void): void {
  for (let place = 0; place < set.length; place++) {
    let rest = set[place] as number;
    while (rest !== 0) {
      const bit = 31 - Math.clz32(rest & -rest);
      each(place * 32 + bit);
      rest &= rest - 1;
    }
  }
}

export function countKeys(set: Uint32Array): number {
  let count = 0;
  for (let place = 0; place < set.length; place++) {
    let v = set[place] as number;
    v -= (v >>> 1) & 0x55555555;
    v = (v & 0x33333333) + ((v >>> 2) & 0x33333333);
    count += Math.imul((v + (v >>> 4)) & 0x0f0f0f0f, 0x01010101) >>> 24;
  }
  return count;
}

/** 4 bytes of count and parameter, then the difference of each number to the one before: unary quotient, then the rest. */
const HEAD_BYTES = 4;
/** In place of a parameter: the bits follow uncoded. */
const AS_BITS = 255;

/** How many low bits of each difference are written uncoded. */
function parameter(universe: number, count: number): number {
  return Math.max(0, Math.min(22, Math.floor(Math.log2((0.69 * universe) / Math.max(1, count)))));
}

function headed(bytes: number, count: number, k: number): Uint8Array {
  const out = new Uint8Array(HEAD_BYTES + bytes);
  out[0] = count & 255;
  out[1] = (count >>> 8) & 255;
  out[2] = (count >>> 16) & 255;
  out[3] = k;
  return out;
}

/** The set as bytes: coded, or as plain bits where these take hardly more. */
export function encodeSet(set: Uint32Array): Uint8Array {
  const universe = set.length * 32;
  const count = countKeys(set);
  const k = parameter(universe, count);
  // Quotients add up to at most universe >> k; each number also takes a stop bit and k bits.
  const most = (count * (k + 1) + (universe >>> k) + 7) >>> 3;
  if (most >= set.byteLength) {
    const out = headed(set.byteLength, count, AS_BITS);
    out.set(new Uint8Array(set.buffer, set.byteOffset, set.byteLength), HEAD_BYTES);
    return out;
  }
  const out = headed(most + 4, count, k);
  let at = HEAD_BYTES * 8;
  let before = -1;
  const low = (1 << k) - 1;
  for (let place = 0; place < set.length; place++) {
    for (let rest = set[place] as number; rest !== 0; rest &= rest - 1) {
      const key = place * 32 + 31 - Math.clz32(rest & -rest);
      const difference = key - before - 1;
      before = key;
      at += difference >>> k;
      // The stop bit, and above it the low bits: at most 23 bits that begin anywhere in a byte.
      let value = (((difference & low) << 1) | 1) << (at & 7);
      for (let byte = at >>> 3; value !== 0; byte++) {
        out[byte] = (out[byte] as number) | (value & 255);
        value >>>= 8;
      }
      at += k + 1;
    }
  }
  return out.subarray(0, (at + 7) >>> 3);
}

/** The set that {@link encodeSet} was given. @param universe how many keys there can be. */
export function decodeBits(bytes: Uint8Array, universe: number): Uint32Array<ArrayBuffer> {
  const set = new Uint32Array(universe >>> 5);
  if (bytes[3] === AS_BITS) {
    new Uint8Array(set.buffer).set(bytes.subarray(HEAD_BYTES));
    return set;
  }
  decodeSet(bytes, (key) => {
    set[key >>> 5] = (set[key >>> 5] as number) | (1 << (key & 31));
    return true;
  });
  return set;
}

/** Calls `each` with every number that {@link encodeSet} was given, ascending, until it returns false. */
export function decodeSet(bytes: Uint8Array, each: (key: number) => boolean): void {
  const count = (bytes[0] as number) | ((bytes[1] as number) << 8) | ((bytes[2] as number) << 16);
  const k = bytes[3] as number;
  if (k === AS_BITS) {
    for (let place = HEAD_BYTES; place < bytes.length; place++) {
      for (let rest = bytes[place] as number; rest !== 0; rest &= rest - 1) {
        if (!each((place - HEAD_BYTES) * 8 + 31 - Math.clz32(rest & -rest))) return;
      }
    }
    return;
  }
  let at = HEAD_BYTES * 8;
  let key = -1;
  for (let n = 0; n < count; n++) {
    let quotient = 0;
    for (;;) {
      const ahead = (bytes[at >>> 3] as number) >>> (at & 7);
      if (ahead !== 0) {
        const zeros = 31 - Math.clz32(ahead & -ahead);
        quotient += zeros;
        at += zeros + 1;
        break;
      }
      const skipped = 8 - (at & 7);
      quotient += skipped;
      at += skipped;
    }
    let rest = 0;
    for (let got = 0; got < k; ) {
      const step = Math.min(8 - (at & 7), k - got);
      rest |= (((bytes[at >>> 3] as number) >>> (at & 7)) & ((1 << step) - 1)) << got;
      got += step;
      at += step;
    }
    key += ((quotient << k) | rest) + 1;
    if (!each(key)) return;
  }
}
