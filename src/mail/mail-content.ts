/** A labelled value, such as when something happened. */
export type Fact = readonly [label: string, value: string];

/** What a mail is made of, before it becomes text and HTML. */
export type MailBlock =
  | { kind: 'text'; text: string }
  | { kind: 'facts'; facts: readonly Fact[] }
  | { kind: 'link'; label: string; url: string };

/** The whole of a mail; one description for both bodies, so that they cannot differ. */
export interface MailContent {
  siteName: string;
  subject: string;
  blocks: readonly MailBlock[];
}

export const paragraph = (text: string): MailBlock => ({ kind: 'text', text });

export const facts = (...rows: readonly Fact[]): MailBlock => ({ kind: 'facts', facts: rows });

export const link = (label: string, url: string): MailBlock => ({ kind: 'link', label, url });
