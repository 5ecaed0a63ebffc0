/** Actions and runners as the API lists them. */
import type { ParameterSchema } from './runner.ts';

export interface ActionDescription {
  id: string;
  ref: string;
  pack: string;
  name: string;
  description: string;
  enabled: boolean;
  /** Name of its runner. */
  runner: string;
  entryPoint: string;
  /** The action's own parameters. */
  parameters: Record<string, ParameterSchema>;
  tags?: unknown[];
  /** Set if the action's file has an error and it cannot run: what is wrong, with file and line. */
  broken?: string;
}

export interface RunnerDescription {
  name: string;
  description: string;
  parameters: Record<string, ParameterSchema>;
}
