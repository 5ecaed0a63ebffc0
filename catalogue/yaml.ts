/** Reads the YAML of packs as StackStorm does (YAML 1.1: `yes` is true and 0644 is octal), with line numbers for errors. */
import { type CollectionTag, LineCounter, parseDocument, type ScalarTag } from 'yaml';
import { ServiceError } from '../lib/errors.ts';

// biome-ignore lint/suspicious/noExplicitAny: callers check the content field by field
export type Yaml = any;

export interface YamlFile {
  value: Yaml;
  /** Line of the value at this path, or of its nearest parent that exists; 1-based. */
  line(path: readonly (string | number)[]): number;
}

const bool: ScalarTag = {
  tag: 'tag:yaml.org,2002:bool',
  identify: (value) => typeof value === 'boolean',
  default: true,
  // As in PyYAML and unlike YAML 1.1, `y` and `n` are text, for example names of parameters.
  test: /^(?:yes|Yes|YES|no|No|NO|true|True|TRUE|false|False|FALSE|on|On|ON|off|Off|OFF)$/,
  resolve: (text) => /^(?:y|t|on)/i.test(text),
};

/** PyYAML's booleans in place of YAML 1.1's, for reading and writing. */
export function customTags(
  standard: readonly (CollectionTag | ScalarTag | string)[],
): (CollectionTag | ScalarTag)[] {
  const others = standard.filter(
    (tag): tag is CollectionTag | ScalarTag => typeof tag !== 'string' && tag.tag !== bool.tag,
  );
  return [...others, bool];
}

/**
 * @param label the file's name in errors.
 * @throws ServiceError `invalid-action`: `<label>, line N: what is wrong`.
 */
export function readYaml(text: string, label: string): YamlFile {
  const lines = new LineCounter();
  const document = parseDocument(text, {
    version: '1.1',
    lineCounter: lines,
    prettyErrors: false,
    uniqueKeys: false,
    customTags: customTags as never,
  });
  const error = document.errors[0];
  if (error) {
    const line = lines.linePos(error.pos[0]).line;
    throw new ServiceError('invalid-action', `${label}, line ${line}: ${error.message}`, { cause: error });
  }
  let value: Yaml;
  try {
    value = document.toJS();
  } catch (cause) {
    throw new ServiceError('invalid-action', `${label}: ${(cause as Error).message}`, { cause });
  }
  return {
    value,
    line(path) {
      for (let length = path.length; length > 0; length -= 1) {
        const node = document.getIn(path.slice(0, length), true) as
          | { range?: [number, number, number] }
          | undefined;
        if (node?.range) return lines.linePos(node.range[0]).line;
      }
      return 1;
    },
  };
}
