import { readFileSync } from 'node:fs';
import type { ConstDirectiveNode, DefinitionNode, FieldDefinitionNode, InputValueDefinitionNode } from 'graphql';
import { Kind, parse, print } from 'graphql';

/** What one element of a schema is, apart from its name and description. */
interface Element {
  readonly shape: string;
  /** The element that this one belongs to: the type of a field, the field of an argument. */
  readonly parent?: string;
  /** An argument or input field that a caller must give. */
  readonly isRequired?: boolean;
}

/** Every element of a schema by its coordinate: `Type`, `Type.field`, `Type.field(arg)`, `Enum.VALUE`, `@directive`, `Type.field@directive`. */
type Elements = ReadonlyMap<string, Element>;
type Entry = readonly [coordinate: string, element: Element];

export interface ContractComparison {
  /** SDL that promises what exists. */
  readonly contract: string;
  /** SDL that the server emits. */
  readonly schema: string;
  /** Coordinates of the contract that nobody has built yet; an entry covers everything below it. */
  readonly notBuilt: readonly string[];
}

export interface ContractResult {
  /** One sentence a difference; empty when the schema keeps its promise. */
  readonly problems: readonly string[];
  readonly builtCount: number;
  readonly contractCount: number;
}

/** Says where a schema falls short of a contract: it may hold more, never less, and no new required argument. */
export function compareContract({ contract, schema, notBuilt }: ContractComparison): ContractResult {
  const promised = elementsOf(contract);
  const emitted = elementsOf(schema);
  const excused = new Set(notBuilt);
  const due = [...promised].filter(([coordinate]) => !isExcused(coordinate, promised, excused));
  return {
    problems: [
      ...notBuilt.flatMap((coordinate) => listProblems(coordinate, promised, emitted)),
      ...notBuilt.filter((entry, index) => notBuilt.indexOf(entry) < index).map((entry) => `${entry} is listed twice`),
      ...due.flatMap((entry) => promiseProblems(entry, emitted)),
      ...[...emitted].flatMap((entry) => additionProblems(entry, promised)),
    ],
    builtCount: due.filter(([coordinate]) => emitted.has(coordinate)).length,
    contractCount: promised.size,
  };
}

/** The entries of a list file: one coordinate a line; blank lines and what follows # are left out. */
export function readList(text: string): string[] {
  return text
    .split('\n')
    .map((line) => line.replace(/#.*/, '').trim())
    .filter((line) => line !== '');
}

function isExcused(coordinate: string, promised: Elements, excused: ReadonlySet<string>): boolean {
  if (excused.has(coordinate)) return true;
  const parent = promised.get(coordinate)?.parent;
  return parent !== undefined && isExcused(parent, promised, excused);
}

function listProblems(coordinate: string, promised: Elements, emitted: Elements): string[] {
  if (!promised.has(coordinate)) return [`${coordinate} is listed as not built, but the contract has no such element`];
  if (emitted.has(coordinate)) return [`${coordinate} is built: take it off the list`];
  return [];
}

function promiseProblems([coordinate, wanted]: Entry, emitted: Elements): string[] {
  const found = emitted.get(coordinate);
  if (found) return found.shape === wanted.shape ? [] : [`${coordinate} is ${found.shape}, not ${wanted.shape}`];
  const isParentMissing = wanted.parent !== undefined && !emitted.has(wanted.parent);
  return isParentMissing ? [] : [`${coordinate} is missing`];
}

function additionProblems([coordinate, { parent, isRequired }]: Entry, promised: Elements): string[] {
  const isNew = !promised.has(coordinate) && parent !== undefined && promised.has(parent);
  return isNew && isRequired ? [`${coordinate} is required, but the contract does not know it`] : [];
}

function elementsOf(sdl: string): Elements {
  return new Map(parse(sdl, { noLocation: true }).definitions.flatMap(definitionElements));
}

function definitionElements(node: DefinitionNode): Entry[] {
  switch (node.kind) {
    case Kind.SCALAR_TYPE_DEFINITION:
      return [[node.name.value, { shape: 'a scalar' }]];
    case Kind.ENUM_TYPE_DEFINITION:
      return typeElements(node.name.value, 'an enum', (node.values ?? []).map(enumValue(node.name.value)));
    case Kind.INPUT_OBJECT_TYPE_DEFINITION:
      return typeElements(node.name.value, 'an input', (node.fields ?? []).map(inputField(node.name.value)));
    case Kind.OBJECT_TYPE_DEFINITION:
      return typeElements(node.name.value, 'a type', (node.fields ?? []).flatMap(outputField(node.name.value)));
    case Kind.DIRECTIVE_DEFINITION: {
      const name = `@${node.name.value}`;
      const locations = node.locations.map((location) => location.value).sort();
      return typeElements(name, `on ${locations.join(' | ')}`, (node.arguments ?? []).map(argument(name)));
    }
    default:
      return [];
  }
}

function typeElements(name: string, shape: string, members: Entry[]): Entry[] {
  return [[name, { shape }], ...members];
}

function enumValue(parent: string) {
  return ({ name }: { readonly name: { readonly value: string } }): Entry => [
    `${parent}.${name.value}`,
    { shape: 'a value', parent },
  ];
}

function outputField(type: string) {
  return (node: FieldDefinitionNode): Entry[] => {
    const field = `${type}.${node.name.value}`;
    return [
      [field, { shape: print(node.type), parent: type }],
      ...(node.arguments ?? []).map(argument(field)),
      ...(node.directives ?? []).map(appliedDirective(field)),
    ];
  };
}

function inputField(type: string) {
  return (node: InputValueDefinitionNode): Entry => [`${type}.${node.name.value}`, inputElement(node, type)];
}

function argument(owner: string) {
  return (node: InputValueDefinitionNode): Entry => [`${owner}(${node.name.value})`, inputElement(node, owner)];
}

function inputElement(node: InputValueDefinitionNode, parent: string): Element {
  const preset = node.defaultValue ? ` = ${print(node.defaultValue)}` : '';
  return {
    shape: print(node.type) + preset,
    parent,
    isRequired: node.type.kind === Kind.NON_NULL_TYPE && preset === '',
  };
}

function appliedDirective(parent: string) {
  return (node: ConstDirectiveNode): Entry => {
    const given = (node.arguments ?? []).map((value) => print(value)).sort();
    return [`${parent}@${node.name.value}`, { shape: `applied with (${given.join(', ')})`, parent }];
  };
}

function main(): void {
  const read = (path: string) => readFileSync(new URL(`../${path}`, import.meta.url), 'utf8');
  const { problems, builtCount, contractCount } = compareContract({
    contract: read('test/contract/api.graphql'),
    schema: read('schema.graphql'),
    notBuilt: readList(read('test/contract/not-built-yet.txt')),
  });
  for (const problem of problems) console.error(problem);
  console.log(`contract: ${builtCount} of ${contractCount} elements built, ${problems.length} problems`);
  if (problems.length > 0) process.exitCode = 1;
}

if (import.meta.main) main();
