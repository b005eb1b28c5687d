import { z } from 'zod';

/** Named sets of rules of config/policy.yaml. */
export const ProfileName = z.enum(['viewer', 'operator', 'curator', 'scheduled', 'admin']);
export type ProfileName = z.output<typeof ProfileName>;
