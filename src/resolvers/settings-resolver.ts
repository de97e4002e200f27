import { Ctx, Query, Resolver } from 'type-graphql';
import type { SettingProblem as SettingProblemRecord } from '../domain/settings-check.js';
import type { Context } from './context.js';
import { SettingProblem } from './types/settings-check.js';

@Resolver()
export class SettingsResolver {
  @Query(() => [SettingProblem], {
    description: 'Admin. Every problem of the settings, as `sparekey check` lists them.',
  })
  async settingsCheck(@Ctx() { services, viewer }: Context): Promise<readonly SettingProblemRecord[]> {
    return await services.settingsCheck.problems(viewer);
  }
}
