import { type ASTNode, type Token, TokenKind } from 'graphql';

const CLOSING = new Set<string>([TokenKind.PAREN_R, TokenKind.BRACKET_R, TokenKind.BRACE_R]);
const OPENING = new Set<string>([TokenKind.PAREN_L, TokenKind.BRACKET_L, TokenKind.BRACE_L]);

/**
 * The path of the argument to which a literal was given, such as `input.expiresInDays`, or `$days` where it is a variable's
 * default; undefined outside of arguments. Walks the document's tokens backwards, so that it needs neither a visitor nor
 * the literal itself.
 */
export function argumentPath(literal: ASTNode): string | undefined {
  const names: string[] = [];
  let nameWanted = true;
  for (const token of enclosing(literal)) {
    if (token.kind === TokenKind.PAREN_L) break;
    if (token.kind === TokenKind.BRACE_L) nameWanted = true;
    if (token.kind !== TokenKind.COLON || !nameWanted) continue;
    names.unshift(nameBefore(token));
    nameWanted = false;
  }
  return names.length > 0 ? names.join('.') : undefined;
}

/** The tokens before a literal, backwards, less those inside of brackets that were closed before it. */
function* enclosing(literal: ASTNode): Generator<Token> {
  let closed = 0;
  for (let token = literal.loc?.startToken.prev; token; token = token.prev) {
    if (CLOSING.has(token.kind)) closed += 1;
    else if (closed === 0) yield token;
    else if (OPENING.has(token.kind)) closed -= 1;
  }
}

function nameBefore(colon: Token): string {
  const name = colon.prev;
  return name?.prev?.kind === TokenKind.DOLLAR ? `$${name.value}` : (name?.value ?? '');
}
