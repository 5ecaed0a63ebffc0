/** Parameters of several runners. */
import type { ParameterSchema } from '../../catalogue/runner.ts';

export const SHELL_PARAMETERS = {
  env: { type: 'object', description: 'Environment variables, added to the configured ones.' },
  timeout: {
    type: 'integer',
    default: 60,
    description: 'Time limit in seconds for the command and all processes that it started. 0 means no limit.',
  },
  sudo: { type: 'boolean', default: false, description: 'Run as root through sudo.' },
  sudo_password: {
    type: 'string',
    secret: true,
    description: 'Password for sudo. Not needed with NOPASSWD.',
  },
  kwarg_op: {
    type: 'string',
    default: '--',
    description: 'Prefix of named arguments.',
  },
} satisfies Record<string, ParameterSchema>;

/** More arguments for a script. */
export const ARGUMENT_PARAMETERS = {
  args: { type: 'array', extension: true, description: "More arguments, after the action's own." },
  kwargs: { type: 'object', extension: true, description: 'More named arguments.' },
} satisfies Record<string, ParameterSchema>;

export const OUTPUT_PARAMETERS = {
  merge: {
    extension: true,
    type: 'boolean',
    default: false,
    description: 'Send stderr to stdout (2>&1), as one stream in exact order.',
  },
  unbuffer: {
    type: 'boolean',
    extension: true,
    description:
      'false: C programs may hold back their output, as behind a pipe. Default: `worker.unbuffer`.',
  },
} satisfies Record<string, ParameterSchema>;
