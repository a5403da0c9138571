/** Beyond this many different texts they are forgotten and gathered anew. */
const mostTexts = 10_000

const texts = new Map<string, string>()

/** The same text, as one string however often it is decoded: for what few writers repeat in millions of fields. */
export function internText(text: string): string {
  const known = texts.get(text)
  if (known !== undefined) return known
  if (texts.size >= mostTexts) texts.clear()
  texts.set(text, text)
  return text
}
