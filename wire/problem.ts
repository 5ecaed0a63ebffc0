/** An error as it travels: an RFC 9457 problem. */
import { z } from 'zod';

export const ProblemSchema = z
  .object({
    type: z.string(),
    title: z.string(),
    status: z.int(),
    detail: z.string().describe('What is wrong and what to do'),
    instance: z.string().optional().describe("The request, as the server's log names it"),
    code: z.string(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
    faultstring: z.string().describe("The same as `detail`, for StackStorm's client"),
  })
  .meta({ id: 'Problem' });
export type Problem = z.infer<typeof ProblemSchema>;
