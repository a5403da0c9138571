/** Strings of every form and comments, in which nothing nests; then what does. */
const tokens =
  /[rR][bB]?("""[^]*?"""|'''[^]*?'''|"[^"]*"|'[^']*')|"""(?:\\[^]|[^\\])*?"""|'''(?:\\[^]|[^\\])*?'''|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'|\/\/[^\n]*|[([{]|[)\]}]|\?/g

/**
 * How deep an expression nests: its brackets, and the conditions `? :` within them, for the parser descends for both. Told
 * from the text, so that the parser is not handed what would exhaust its stack.
 */
export function nestingOf(text: string): number {
  const outside: number[] = []
  let depth = 0
  let deepest = 0
  for (const [token] of text.matchAll(tokens)) {
    if (')]}'.includes(token)) depth = outside.pop() ?? 0
    else if (token === '?') depth++
    else if ('([{'.includes(token)) outside.push(depth++)
    deepest = Math.max(deepest, depth)
  }
  return deepest
}
