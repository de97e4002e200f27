import { getNamedType, isInterfaceType, isObjectType, Kind } from 'graphql';
import type {
  ASTVisitor,
  FieldNode,
  GraphQLField,
  SelectionNode,
  SelectionSetNode,
  ValidationContext,
  ValueNode,
} from 'graphql';

/** The largest page that the API gives, which a variable may ask for: its value is not known to a rule. */
const LARGEST_PAGE = 100;
const DEFAULT_PAGE = 10;
const PAGE_ARGUMENTS: ReadonlySet<string> = new Set(['first', 'last']);

interface CostLimit {
  readonly maxCost: number;
  /** Called once for each operation that costs more. */
  readonly refuse: (context: ValidationContext) => void;
}

/**
 * A validation rule that holds the cost of each operation to `maxCost`: about the number of values that may be answered.
 * A field counts once, and what is selected of it as often as its page may be long. Fragments are looked through;
 * introspection's fields are free.
 */
export function costRule({ maxCost, refuse }: CostLimit): (context: ValidationContext) => ASTVisitor {
  return (context) => {
    const costs = new OperationCost(context);
    return {
      OperationDefinition({ operation, selectionSet }) {
        const root = context.getSchema().getRootType(operation);
        if (costs.ofSelection(selectionSet, root?.name) > maxCost) refuse(context);
        return false;
      },
    };
  };
}

/** Of documents that may be invalid as well: what the schema does not know counts as one value. */
class OperationCost {
  /** By name, so that fragments that spread one another twice each are not walked through exponentially often. */
  readonly #fragments = new Map<string, number>();

  constructor(private readonly context: ValidationContext) {}

  ofSelection({ selections }: SelectionSetNode, typeName: string | undefined): number {
    return selections.reduce((sum, selection) => sum + this.#of(selection, typeName), 0);
  }

  #of(node: SelectionNode, typeName: string | undefined): number {
    if (node.kind === Kind.FIELD) return this.#ofField(node, typeName);
    if (node.kind === Kind.FRAGMENT_SPREAD) return this.#ofFragment(node.name.value);
    return this.ofSelection(node.selectionSet, node.typeCondition?.name.value ?? typeName);
  }

  #ofField(node: FieldNode, typeName: string | undefined): number {
    if (node.name.value.startsWith('__')) return 0;
    if (node.selectionSet === undefined) return 1;
    const type = typeName === undefined ? undefined : this.context.getSchema().getType(typeName);
    const field = isObjectType(type) || isInterfaceType(type) ? type.getFields()[node.name.value] : undefined;
    const selected = this.ofSelection(node.selectionSet, field && getNamedType(field.type).name);
    return 1 + pageSize(node, field) * selected;
  }

  #ofFragment(name: string): number {
    const known = this.#fragments.get(name);
    if (known !== undefined) return known;
    // A fragment within itself, which another rule refuses, ends here.
    this.#fragments.set(name, 0);
    const fragment = this.context.getFragment(name);
    const cost = fragment ? this.ofSelection(fragment.selectionSet, fragment.typeCondition.name.value) : 0;
    this.#fragments.set(name, cost);
    return cost;
  }
}

function pageSize(node: FieldNode, field: GraphQLField<unknown, unknown> | undefined): number {
  if (!field?.args.some(({ name }) => PAGE_ARGUMENTS.has(name))) return 1;
  const given = (node.arguments ?? []).filter(({ name }) => PAGE_ARGUMENTS.has(name.value));
  const sizes = given.map(({ value }) => sizeOf(value)).filter((size) => size !== undefined);
  return sizes.length === 0 ? DEFAULT_PAGE : Math.max(...sizes);
}

function sizeOf(value: ValueNode): number | undefined {
  if (value.kind === Kind.VARIABLE) return LARGEST_PAGE;
  // Finite, so that its product with a selection that costs nothing is a number.
  return value.kind === Kind.INT ? Math.min(Math.max(Number(value.value), 1), Number.MAX_SAFE_INTEGER) : undefined;
}
