/** Keeps what handing on threw from being taken for a broken stream: what it threw is `cause`. */
export class CallbackFailure extends Error {
  constructor(cause: unknown) {
    super('the callback failed', { cause })
  }
}
