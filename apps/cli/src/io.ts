/** What the command has of the world: tests bring their own. */
export interface Io {
  /** Resolves when there is room for more. */
  out(text: string): Promise<void> | void
  err(text: string): void
  readonly env: Readonly<Record<string, string | undefined>>
  /** The folder that files are named from. */
  readonly folder: string
  /** All of the standard input. */
  readInput(): Promise<string>
  /** The standard input as it comes. */
  input(): AsyncIterable<Uint8Array>
  /** Asks whoever sits there; false if nobody does. */
  confirm(question: string): Promise<boolean>
  /** Aborted by Ctrl-C, and when nobody reads the output any more. */
  readonly signal: AbortSignal
}
