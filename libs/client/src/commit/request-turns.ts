/** Where a request stands among those of its session; see `CommitManyRequest`. */
export interface SessionPosition {
  readonly session: string
  readonly sequence: bigint
  readonly follows: bigint
}

/** One request, with all its attempts. */
export class RequestTurn {
  readonly #turns: RequestTurns
  #before: RequestTurn | undefined
  readonly #over = Promise.withResolvers<undefined>()
  #attempts = 0
  /** The number of the last attempt. */
  sequence = 0n

  constructor(turns: RequestTurns, before: RequestTurn | undefined) {
    this.#turns = turns
    this.#before = before
  }

  /** Whether it was sent more than once, or may have to be. */
  get isRepeated(): boolean {
    return this.#attempts > 1
  }

  /**
   * The position of the next attempt. All but the first wait until the request before is over: it may have to be sent
   * again too, and has to be first.
   */
  async next(): Promise<SessionPosition> {
    this.#attempts += 1
    if (this.#attempts > 1) await this.#before?.over()
    const follows = this.#before?.sequence ?? 0n
    this.sequence = this.#turns.nextSequence()
    return { session: this.#turns.session, sequence: this.sequence, follows }
  }

  /** Resolves when the request is answered for good. */
  over(): Promise<undefined> {
    return this.#over.promise
  }

  end(): void {
    this.#before = undefined
    this.#over.resolve(undefined)
  }

  /** The request before it is over. */
  forget(turn: RequestTurn): void {
    if (this.#before === turn) this.#before = undefined
  }
}

/** The requests of a client that are on their way. */
export class RequestTurns {
  /** Empty if only one request leaves at a time. */
  readonly session: string
  readonly #most: number
  #open: RequestTurn[] = []
  #sequence = 0n

  /** @param most requests on their way at a time */
  constructor(most: number) {
    this.#most = most
    this.session = most > 1 ? crypto.randomUUID() : ''
  }

  /** Whether no request is on its way. */
  get isIdle(): boolean {
    return this.#open.length === 0
  }

  /** Whether another request may leave. While one has to be repeated, none may. */
  get isFree(): boolean {
    return this.#open.length < this.#most && this.#open.every((turn) => !turn.isRepeated)
  }

  /** Whether another request may leave after the next one. */
  get canShare(): boolean {
    return this.#open.length + 1 < this.#most
  }

  nextSequence(): bigint {
    this.#sequence += 1n
    return this.#sequence
  }

  begin(): RequestTurn {
    const turn = new RequestTurn(this, this.#open.at(-1))
    this.#open.push(turn)
    return turn
  }

  end(turn: RequestTurn): void {
    this.#open = this.#open.filter((open) => open !== turn)
    for (const open of this.#open) open.forget(turn)
    turn.end()
  }
}
