import {
  CamelCasePlugin,
  type PluginTransformQueryArgs,
  type PluginTransformResultArgs,
  type QueryResult,
  RawNode,
  type RootOperationNode,
  type UnknownRow,
} from 'kysely';

/** The columns of a result under both of their names, and a row of them that is empty still. */
interface Shape {
  readonly columns: readonly (readonly [name: string, mapped: string])[];
  readonly empty: UnknownRow;
}

/**
 * Names are camelCase in TypeScript and snake_case in SQL. SQL written by hand names its columns itself: it is spared
 * the walk through all of its parts, which takes as long as the rest of building it. Results take their names from a
 * shape that is made once for each list of columns, of which there are as many as statements.
 */
export class NamingPlugin extends CamelCasePlugin {
  readonly #shapes = new Map<string, Shape>();

  override transformQuery(args: PluginTransformQueryArgs): RootOperationNode {
    return RawNode.is(args.node) ? args.node : super.transformQuery(args);
  }

  override async transformResult({ result }: PluginTransformResultArgs): Promise<QueryResult<UnknownRow>> {
    const [first] = result.rows;
    if (first === undefined) return result;
    const shape = this.#shapeOf(Object.keys(first));
    return { ...result, rows: result.rows.map((row) => this.#named(row, shape)) };
  }

  /** What is all in capitals is a word that JSON counts by, such as EMAIL_CHANGE, and no column. */
  protected override camelCase(name: string): string {
    return name === name.toUpperCase() ? name : super.camelCase(name);
  }

  #shapeOf(names: readonly string[]): Shape {
    const key = names.join();
    let shape = this.#shapes.get(key);
    if (shape === undefined) {
      const columns = names.map((name) => [name, this.camelCase(name)] as const);
      // Through JSON, the engine keeps the properties in a fixed layout, which the rows copied from it share.
      const empty = JSON.stringify(Object.fromEntries(columns.map(([, mapped]) => [mapped, null])));
      shape = { columns, empty: JSON.parse(empty) as UnknownRow };
      this.#shapes.set(key, shape);
    }
    return shape;
  }

  #named(row: UnknownRow, { columns, empty }: Shape): UnknownRow {
    const named = { ...empty };
    for (const [name, mapped] of columns) {
      const value = row[name];
      named[mapped] = isJsonObject(value) ? this.mapRow(value) : value;
    }
    return named;
  }
}

function isJsonObject(value: unknown): value is UnknownRow {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}
