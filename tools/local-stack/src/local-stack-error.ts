/** Something about the machine that keeps the local stack from running. The message is one line for people. */
export class LocalStackError extends Error {
  override readonly name = 'LocalStackError'
}
