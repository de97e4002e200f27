import { CamelCasePlugin, type PluginTransformQueryArgs, RawNode, type RootOperationNode } from 'kysely';

/**
 * Names are camelCase in TypeScript and snake_case in SQL. SQL written by hand names its columns itself: it is spared
 * the walk through all of its parts, which takes as long as the rest of building it.
 */
export class NamingPlugin extends CamelCasePlugin {
  override transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    return RawNode.is(args.node) ? args.node : super.transformQuery(args);
  }
}
