/** An answer of the server that is no success. */
export class QhronosError extends Error {
  override readonly name = 'QhronosError'
  /** Of HTTP; 0 if a listener was refused. */
  readonly status: number
  /** Stable. */
  readonly code: string
  /** What is wrong, or empty. */
  readonly field: string
  /** After which to try again, if the server says so. */
  readonly retryAfterSeconds: number | undefined

  constructor(
    status: number,
    message: string,
    {
      code = 'unknown',
      field = '',
      retryAfterSeconds,
    }: { code?: string; field?: string; retryAfterSeconds?: number } = {},
  ) {
    super(message)
    this.status = status
    this.code = code
    this.field = field
    this.retryAfterSeconds = retryAfterSeconds
  }

  static async of(response: Response): Promise<QhronosError> {
    const text = await response.text()
    const { error = text, code, field } = parseBody(text)
    const after = Number(response.headers.get('retry-after') ?? NaN)
    return new QhronosError(response.status, error === '' ? response.statusText : error, {
      ...(code === undefined ? {} : { code }),
      ...(field === undefined ? {} : { field }),
      ...(Number.isFinite(after) ? { retryAfterSeconds: after } : {}),
    })
  }
}

function parseBody(text: string): { error?: string; code?: string; field?: string } {
  try {
    const body: unknown = JSON.parse(text)
    return typeof body === 'object' && body !== null ? body : {}
  } catch {
    return {}
  }
}
