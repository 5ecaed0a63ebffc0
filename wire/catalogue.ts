/** Actions and runners as they travel, in StackStorm's names. */
import { z } from 'zod';

/** A parameter as its action describes it: JSON Schema and StackStorm's keywords. */
export const ParameterSchema = z
  .looseObject({
    type: z.union([z.string(), z.array(z.string()).readonly()]).optional(),
    description: z.string().optional(),
    default: z.unknown().optional(),
    required: z.boolean().optional(),
    enum: z.array(z.unknown()).readonly().optional(),
    secret: z.boolean().optional(),
    immutable: z.boolean().optional(),
    position: z.number().optional(),
  })
  .meta({ id: 'Parameter' });
export type ParameterJson = z.infer<typeof ParameterSchema>;

const parameters = z.record(z.string(), ParameterSchema);

export const ActionSchema = z
  .object({
    id: z.string(),
    uid: z.string(),
    ref: z.string(),
    pack: z.string(),
    name: z.string(),
    description: z.string(),
    enabled: z.boolean(),
    runner_type: z.string(),
    entry_point: z.string(),
    parameters: parameters.describe("The action's own parameters"),
    tags: z.array(z.unknown()),
    notify: z.object({}),
    broken: z.string().optional().describe('Why it cannot be run: what is wrong in its file, and where'),
  })
  .meta({ id: 'Action' });
export type ActionJson = z.infer<typeof ActionSchema>;

/** What `include_attributes` leaves of an action. */
export const ActionAttributesSchema = ActionSchema.partial()
  .required({ id: true })
  .meta({ id: 'ActionAttributes' });

/** All parameters that an action takes, those of its runner included. */
export type ParametersJson = { parameters: Record<string, ParameterJson> };

export const RunnerSchema = z
  .object({
    id: z.string(),
    uid: z.string(),
    name: z.string(),
    description: z.string(),
    enabled: z.boolean(),
    runner_package: z.string(),
    runner_module: z.string(),
    runner_parameters: parameters,
  })
  .meta({ id: 'RunnerType' });
export type RunnerJson = z.infer<typeof RunnerSchema>;

export const RunnerAttributesSchema = RunnerSchema.partial()
  .required({ id: true })
  .meta({ id: 'RunnerTypeAttributes' });
