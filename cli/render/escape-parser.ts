/** Finds the escape sequences in a terminal's input. */

type State = 'ground' | 'escape' | 'csi' | 'string' | 'stringEscape';

interface EscapeParserOptions {
  /** Text is bytes in latin1: C1 control characters are data. */
  bytes: boolean;
  /** A character outside of escape sequences; returns what to print for it. */
  text(char: string): string;
  /** An SGR sequence; returns what to print for it. All other sequences print nothing. */
  colour(parameters: string): string;
}

/** No colour needs a longer parameter list. */
const MAX_PARAMETERS = 128;
/** C1 control characters that start a string: DCS, SOS, OSC, PM, APC. */
const STRING_STARTS = [0x90, 0x98, 0x9d, 0x9e, 0x9f];

/** A stateful parser. A sequence may be split between calls of `step`, which takes one character. */
export function escapeParser({ bytes, text, colour }: EscapeParserOptions) {
  let state: State = 'ground';
  let parameters = '';
  let intermediates = '';

  function ground(char: string): string {
    const code = char.charCodeAt(0);
    state = 'ground';
    if (code === 0x1b) [state, intermediates] = ['escape', ''];
    else if (bytes || code < 0x80 || code > 0x9f) return text(char);
    else if (code === 0x9b) [state, parameters, intermediates] = ['csi', '', ''];
    else if (STRING_STARTS.includes(code)) state = 'string';
    return '';
  }

  function afterEscape(char: string, code: number): string {
    if (code >= 0x20 && code <= 0x2f) {
      intermediates = char;
      return '';
    }
    if (code < 0x20 || code > 0x7e) return ground(char);
    if (char === '[' && intermediates === '') [state, parameters] = ['csi', ''];
    else if (']PX^_'.includes(char) && intermediates === '') state = 'string';
    else state = 'ground';
    return '';
  }

  function csi(char: string, code: number): string {
    if (code >= 0x30 && code <= 0x3f) {
      if (parameters.length < MAX_PARAMETERS) parameters += char;
      else intermediates = '!';
      return '';
    }
    if (code >= 0x20 && code <= 0x2f) {
      intermediates = char;
      return '';
    }
    if (code < 0x40 || code > 0x7e) return ground(char);
    state = 'ground';
    const isColour = char === 'm' && intermediates === '' && /^[0-9;:]*$/.test(parameters);
    return isColour ? colour(parameters) : '';
  }

  function string(char: string, code: number): string {
    // An unterminated string ends with its line, so that it hides no more output.
    if (char === '\n') return ground(char);
    if (code === 0x1b) state = 'stringEscape';
    else if (code === 0x07 || (code === 0x9c && !bytes) || code === 0x18 || code === 0x1a) state = 'ground';
    return '';
  }

  function stringEscape(char: string, code: number): string {
    if (char !== '\\') {
      [state, intermediates] = ['escape', ''];
      return afterEscape(char, code);
    }
    state = 'ground';
    return '';
  }

  const steps = { ground, escape: afterEscape, csi, string, stringEscape };
  return {
    /** Returns what to print for the character. */
    step: (char: string): string => steps[state](char, char.charCodeAt(0)),
    /** False within a sequence. */
    isGround: () => state === 'ground',
  };
}
