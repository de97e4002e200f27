/** A labelled value, such as when something happened. */
export type Fact = readonly [label: string, value: string];

/** What stands in one place of a table; numbers are set to the right. */
export type Cell = string | number;

export interface NumberedCode {
  readonly position: number;
  readonly code: string;
}

/** What a mail is made of, before it becomes text and HTML. */
export type MailBlock =
  | { kind: 'text'; text: string }
  | { kind: 'facts'; facts: readonly Fact[] }
  | { kind: 'table'; head: readonly string[]; rows: readonly (readonly Cell[])[] }
  | { kind: 'codes'; codes: readonly NumberedCode[] }
  | { kind: 'link'; label: string; url: string };

/** The whole of a mail; one description for both bodies, so that they cannot differ. */
export interface MailContent {
  siteName: string;
  subject: string;
  blocks: readonly MailBlock[];
}

export const paragraph = (text: string): MailBlock => ({ kind: 'text', text });

export const facts = (...rows: readonly Fact[]): MailBlock => ({ kind: 'facts', facts: rows });

export const table = (head: readonly string[], rows: readonly (readonly Cell[])[]): MailBlock => ({
  kind: 'table',
  head,
  rows,
});

export const codeList = (codes: readonly NumberedCode[]): MailBlock => ({ kind: 'codes', codes });

export const link = (label: string, url: string): MailBlock => ({ kind: 'link', label, url });
