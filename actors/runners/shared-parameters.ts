/** Parameters that several runners take, described once. */
import type { ParameterSchema } from '../../catalogue/runner.ts';

export const SHELL_PARAMETERS = {
  env: { type: 'object', description: 'Environment variables, added to the configured ones.' },
  timeout: {
    type: 'integer',
    default: 60,
    description: 'Seconds until what runs, and all that it started, is ended; 0 means never.',
  },
  sudo: { type: 'boolean', default: false, description: 'Run as root through sudo.' },
  sudo_password: {
    type: 'string',
    secret: true,
    description: 'Password for sudo; not needed with NOPASSWD.',
  },
  kwarg_op: {
    type: 'string',
    default: '--',
    description: 'What stands before the name of a named argument.',
  },
} satisfies Record<string, ParameterSchema>;

export const MERGE_PARAMETER: ParameterSchema = {
  type: 'boolean',
  default: false,
  description: 'Send stderr to stdout (2>&1): one stream, in exact order.',
};
