import { syntaxError } from './syntax-error.ts'

/** A piece of a query's text. */
export interface Token {
  readonly kind: 'word' | 'quoted' | 'string' | 'int' | 'float' | 'symbol' | 'end'
  /** A word as it is written; a quoted name or a string without its quotes; a number; a symbol. */
  readonly text: string
  /** Where it begins, counted from 0. */
  readonly start: number
}

const patterns: readonly [Exclude<Token['kind'], 'end'>, RegExp][] = [
  ['word', /[A-Za-z][A-Za-z0-9_]*/y],
  ['quoted', /"[^"]*"/y],
  ['string', /'(?:[^']|'')*'/y],
  ['float', /-?\d+(?:\.\d+(?:[eE][+-]?\d+)?|[eE][+-]?\d+)/y],
  ['int', /-?\d+/y],
  ['symbol', /->|<=|>=|!=|<>|[=<>(),*-]/y],
]

const space = /\s*/y

/** Takes a text apart. Throws QError `invalid_query`. */
export function tokensOf(text: string): Token[] {
  const tokens: Token[] = []
  let position = skipSpace(text, 0)
  while (position < text.length) {
    const token = tokenAt(text, position)
    tokens.push(token.token)
    position = skipSpace(text, token.end)
  }
  tokens.push({ kind: 'end', text: '', start: text.length })
  return tokens
}

function skipSpace(text: string, position: number): number {
  space.lastIndex = position
  return position + (space.exec(text)?.[0].length ?? 0)
}

function tokenAt(text: string, start: number): { token: Token; end: number } {
  for (const [kind, pattern] of patterns) {
    pattern.lastIndex = start
    const found = pattern.exec(text)?.[0]
    if (found === undefined) continue
    return { token: { kind, text: contentOf(kind, found), start }, end: start + found.length }
  }
  const character = String.fromCodePoint(text.codePointAt(start) ?? 0)
  if (character === "'" || character === '"') {
    throw syntaxError(text, start, { found: `${character} without its end`, expected: `${character} at the end of it` })
  }
  throw syntaxError(text, start, { found: character, expected: 'a name, a value or an operator' })
}

function contentOf(kind: Token['kind'], found: string): string {
  if (kind === 'string') return found.slice(1, -1).replaceAll("''", "'")
  return kind === 'quoted' ? found.slice(1, -1) : found
}
