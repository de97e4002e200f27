import { Field, ObjectType } from 'type-graphql';
import { Account, type AccountNode } from './account.js';
import { PageInfo } from './page-info.js';

@ObjectType({ simpleResolvers: true })
export class AccountEdge {
  @Field(() => String)
  cursor!: string;

  @Field(() => Account)
  node!: AccountNode;
}

@ObjectType({ simpleResolvers: true })
export class AccountConnection {
  @Field(() => [AccountEdge])
  edges!: AccountEdge[];

  @Field(() => PageInfo)
  pageInfo!: PageInfo;

  /** What was searched for: counted only where somebody asks. */
  search!: string | null | undefined;
}
