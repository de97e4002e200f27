import {
  CamelCasePlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  RawNode,
  type RootOperationNode,
  type UnknownRow,
} from 'kysely';

/**
 * Names are camelCase in TypeScript and snake_case in SQL. SQL written by hand names its columns itself: it is spared
 * the walk through all of its parts, which takes as long as the rest of building it. The names of a result are looked
 * up once, not row by row.
 */
export class NamingPlugin extends CamelCasePlugin {
  override transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    return RawNode.is(args.node) ? args.node : super.transformQuery(args);
  }

  override async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    const [first] = result.rows;
    if (first === undefined) return result;
    const columns = Object.keys(first).map((name) => ({ name, mapped: this.camelCase(name) }));
    return { ...result, rows: result.rows.map((row) => this.#mapped(row, columns)) };
  }

  #mapped(row: UnknownRow, columns: readonly { readonly name: string; readonly mapped: string }[]): UnknownRow {
    const named: UnknownRow = {};
    for (const { name, mapped } of columns) {
      const value = row[name];
      named[mapped] = isJsonObject(value) ? this.mapRow(value) : value;
    }
    return named;
  }
}

function isJsonObject(value: unknown): value is UnknownRow {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
