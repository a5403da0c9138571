/** What CloudEvents' bindings do not let stand in a header: all but visible ASCII, `"` and `%`. */
const safe = /^[!#$&-~]*$/
const unsafe = /[^!#$&-~]+/gu

/** Text as the value of a header, as CloudEvents' bindings to HTTP and NATS write it: percent-encoded UTF-8. */
export function headerFromText(text: string): string {
  return safe.test(text) ? text : text.replace(unsafe, (part) => encodeURIComponent(part.toWellFormed()))
}

/** The text that such a value stands for. What is no such value is taken as it is. */
export function textFromHeader(value: string): string {
  if (!value.includes('%')) return value
  try {
    return decodeURIComponent(value)
  } catch {
    return value
  }
}
