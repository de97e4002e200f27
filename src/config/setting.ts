import { z } from 'zod';
import type { Complaint } from './problem.js';

/** What the text of an environment variable may be, in words for the documentation, and how it becomes a value. */
export interface Kind<T> {
  readonly range: string;
  readonly schema: z.ZodType<T, string>;
}

/** One environment variable: all that the parser, the checks and the README need to know about it. */
export interface Setting<T = unknown> {
  readonly name: string;
  readonly range: string;
  /** As an operator would write it. */
  readonly default?: string;
  /** The default in words, where it follows from other settings. */
  readonly otherwise?: string;
  readonly description: string;
  /** Its value is never shown, and leaves the environment once parsed. */
  readonly isSecret: boolean;
  /** NAME_FILE may name a file that holds the value. */
  readonly hasFileVariant: boolean;
  readonly schema: z.ZodType<T, string | undefined>;
}

export type SettingValue<S> = S extends Setting<infer T> ? T : never;

interface About {
  readonly description: string;
  /** The default in words, where it follows from other settings. */
  readonly otherwise?: string;
  readonly isSecret?: boolean;
  readonly hasFileVariant?: boolean;
}

/** Defines a setting. Its default is text like any other value and must satisfy the same rules; without one the value may be undefined. */
export function setting<T>(name: string, kind: Kind<T>, about: About & { readonly default: string }): Setting<T>;
export function setting<T>(name: string, kind: Kind<T>, about: About): Setting<T | undefined>;
export function setting<T>(
  name: string,
  kind: Kind<T>,
  about: About & { readonly default?: string },
): Setting<unknown> {
  return {
    name,
    range: kind.range,
    default: about.default,
    otherwise: about.otherwise,
    description: about.description,
    isSecret: about.isSecret ?? false,
    hasFileVariant: about.hasFileVariant ?? false,
    schema: about.default === undefined ? kind.schema.optional() : kind.schema.prefault(about.default),
  };
}

/** Refuses a text; what it returns is returned by the reader. */
export type Refuse = (complaint: Complaint) => never;

/** Makes a kind from a reader, which returns the value of a text or what `refuse` returns. */
export function kind<T>(range: string, read: (text: string, refuse: Refuse) => T): Kind<T> {
  const schema = z.string().transform((text, context) =>
    read(text, ({ id, message, hint }) => {
      context.addIssue({ code: 'custom', message, params: { id, hint } });
      return z.NEVER;
    }),
  );
  return { range, schema };
}

/** A comma-separated list; spaces around its entries and empty entries are dropped. A refused entry is told by its number, not its text. */
export function list<T>(range: string, readItem: (text: string, refuse: Refuse) => T): Kind<readonly T[]> {
  return kind(range, (text, refuse) => {
    const entries = text.split(',').map((entry, index) => ({ entry: entry.trim(), number: index + 1 }));
    return entries
      .filter(({ entry }) => entry !== '')
      .map(({ entry, number }) =>
        readItem(entry, (complaint) => refuse({ ...complaint, message: `Entry ${number}: ${complaint.message}` })),
      );
  });
}
