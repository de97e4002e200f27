import type { Document } from 'bson';
import { CommandError } from './command-error.ts';

const NUMERIC = new Set(['$inc', '$mul']);
const OF_ARRAYS = new Set(['$push', '$addToSet', '$pull', '$pullAll', '$pop']);

/** Refuses what MongoDB refuses and mingo does in silence. @throws CommandError */
export function refuseImpossibleUpdate(document: Document, operators: Readonly<Record<string, Document>>): void {
  for (const [operator, fields] of Object.entries(operators)) {
    for (const path of Object.keys(fields)) {
      // Which elements a positional path means is mingo's to find out.
      if (!path.includes('$')) refuseWrongType(valueAt(document, path, operator === '$unset'), operator, path);
    }
  }
}

function valueAt(document: Document, path: string, isUnset: boolean): unknown {
  let value: unknown = document;
  for (const step of path.split('.')) {
    if (value === undefined) return undefined;
    if (!mayHave(value, step) && isUnset) return undefined;
    if (!mayHave(value, step)) {
      throw new CommandError('PathNotViable', `Cannot create field '${step}' in element ${JSON.stringify(value)}`);
    }
    value = value[step];
  }
  return value;
}

function mayHave(value: unknown, step: string): value is Document {
  return Array.isArray(value) ? /^\d+$/.test(step) : value !== null && typeof value === 'object';
}

function refuseWrongType(value: unknown, operator: string, path: string): void {
  if (value === undefined) return;
  if (NUMERIC.has(operator) && typeof value !== 'number') {
    throw new CommandError('TypeMismatch', `Cannot apply ${operator} to the non-numeric value of '${path}'`);
  }
  if (OF_ARRAYS.has(operator) && !Array.isArray(value)) {
    throw new CommandError('BadValue', `Cannot apply ${operator} to the value of '${path}', which is no array`);
  }
}
