import { Field, ObjectType } from 'type-graphql';
import type { SettingProblem as SettingProblemRecord } from '../../domain/settings-check.js';
import { SettingSeverity } from './enums.js';

@ObjectType({
  simpleResolvers: true,
  description: 'What is wrong with a setting and what to do about it, without the value that was given.',
})
export class SettingProblem {
  @Field(() => String, { description: 'Stable, such as E006.' })
  id!: string;

  @Field(() => String)
  setting!: string;

  @Field(() => SettingSeverity)
  severity!: SettingProblemRecord['severity'];

  @Field(() => String)
  message!: string;

  @Field(() => String, { nullable: true })
  hint!: string | null;
}
