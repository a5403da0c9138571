import { QError } from '@qcore/errors'

/** What ECMAScript has and TypeScript's declarations have not: the text of a number, and a number that is its text. */
interface NumberTexts {
  parse(text: string, reviver: (key: string, value: unknown, context: { source?: string }) => unknown): unknown
  rawJSON(text: string): unknown
}

const numberTexts = JSON as unknown as NumberTexts

/**
 * Parses JSON so that `JSON.stringify` writes its numbers as they were, however large or exact.
 *
 * @throws QError `invalid_request`
 */
export function parseExactJson(body: Uint8Array): unknown {
  try {
    const text = new TextDecoder('utf-8', { fatal: true }).decode(body)
    return numberTexts.parse(text, (_, value, { source }) =>
      typeof value === 'number' && source !== undefined ? numberTexts.rawJSON(source) : value,
    )
  } catch (error) {
    throw new QError('invalid_request', 'the body is not JSON in UTF-8', { cause: error })
  }
}
