export type ExportFormat = 'TXT' | 'CSV' | 'PDF' | 'JSON';

/** What is printed of one batch: its codes in plaintext, and what they are for. */
export interface CodeSheet {
  readonly siteName: string;
  /** Whose codes they are: the e-mail address, or a host application's own id. */
  readonly account: string;
  readonly batchNumber: number;
  readonly issuedAt: Date;
  /** Null when they never expire. */
  readonly expiresAt: Date | null;
  /** In the order of their positions. */
  readonly codes: readonly { readonly position: number; readonly code: string }[];
}

/** A sheet as a file. */
export interface CodeFile {
  /** Without a dot. */
  readonly extension: string;
  readonly mediaType: string;
  readonly bytes: Buffer;
}

/** Makes a file of a sheet; nothing of it is kept anywhere. */
export type RenderCodeFile = (format: ExportFormat, sheet: CodeSheet) => Promise<CodeFile>;
