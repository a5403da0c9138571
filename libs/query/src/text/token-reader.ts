import type { QError } from '@qcore/errors'
import { syntaxError } from './syntax-error.ts'
import { tokensOf, type Token } from './tokens.ts'
import { words } from './words.ts'

/** Reads the pieces of a query's text one after the other. */
export class TokenReader {
  readonly #text: string
  readonly #tokens: readonly Token[]
  #position = 0

  constructor(text: string) {
    this.#text = text
    this.#tokens = tokensOf(text)
  }

  /** The piece that comes next. */
  get next(): Token {
    return this.#tokens[this.#position] ?? { kind: 'end', text: '', start: this.#text.length }
  }

  skip(): void {
    this.#position++
  }

  /** Takes the next piece, which must be of a kind. */
  take(kind: Token['kind'], expected: string): Token {
    const token = this.next
    if (token.kind !== kind) throw this.unexpected(expected)
    this.skip()
    return token
  }

  /** Whether the next piece is a word of the grammar; takes it if so. */
  takeWord(word: string): boolean {
    return this.#takeIf(({ kind, text }) => kind === 'word' && text.toUpperCase() === word)
  }

  takeSymbol(symbol: string): boolean {
    return this.#takeIf(({ kind, text }) => kind === 'symbol' && text === symbol)
  }

  expectWord(word: string): void {
    if (!this.takeWord(word)) throw this.unexpected(word)
  }

  expectSymbol(symbol: string): void {
    if (!this.takeSymbol(symbol)) throw this.unexpected(symbol)
  }

  expectName(expected: string): string {
    const { kind, text } = this.next
    if (kind !== 'quoted' && (kind !== 'word' || words.has(text.toUpperCase()))) throw this.unexpected(expected)
    this.skip()
    return text
  }

  /** Takes `Name` or `Owner->Items->0->Name`. */
  expectPath(expected = 'a field'): string {
    let path = this.expectName(expected)
    while (this.takeSymbol('->')) {
      const part = this.next.kind === 'int' ? this.take('int', 'an index').text : this.expectName('a field or an index')
      path += `->${part}`
    }
    return path
  }

  expectEnd(): void {
    if (this.next.kind !== 'end') throw this.unexpected('the end of the query')
  }

  /** That the next piece is another than expected. */
  unexpected(expected: string): QError {
    const { kind, text, start } = this.next
    const isWord = kind === 'word' && words.has(text.toUpperCase())
    const note = isWord ? ` (a word of the grammar: as a name it is written "${text}")` : ''
    const found = kind === 'end' ? 'the end' : kind === 'string' ? `'${text}'` : `${text}${note}`
    return syntaxError(this.#text, start, { found, expected })
  }

  #takeIf(isWanted: (token: Token) => boolean): boolean {
    if (!isWanted(this.next)) return false
    this.skip()
    return true
  }
}
