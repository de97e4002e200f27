/** Codes in the order of their positions, with them: 1 for the first. */
export function numbered(codes: readonly string[]): { readonly position: number; readonly code: string }[] {
  return codes.map((code, index) => ({ position: index + 1, code }));
}
