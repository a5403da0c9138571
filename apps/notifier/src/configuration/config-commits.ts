import { create } from '@bufbuild/protobuf'
import { createClient, type Client, type HandlerContext, type Transport } from '@connectrpc/connect'
import { CommitRequestSchema, CommitService, type CommitResponse, type Mutation } from '@qcore/contracts'
import { isQError, QError } from '@qcore/errors'
import { fromConnectError, receivedHeader } from '@qcore/transport'

/** Commits in the name of callers: the writer checks their tokens itself. */
export class ConfigCommits {
  readonly #commits: Client<typeof CommitService>

  constructor(transport: Transport) {
    this.#commits = createClient(CommitService, transport)
  }

  /**
   * Makes a commit.
   *
   * @param ownField what the caller calls the first mutation, in errors
   */
  async commit(
    { mutations, idempotencyKey, ownField }: { mutations: Mutation[]; idempotencyKey: string; ownField: string },
    call: HandlerContext,
  ): Promise<CommitResponse> {
    const timeoutMs = call.timeoutMs()
    try {
      return await this.#commits.commit(create(CommitRequestSchema, { mutations, idempotencyKey }), {
        headers: { authorization: receivedHeader(call, 'authorization') ?? '' },
        signal: call.signal,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
      })
    } catch (error) {
      throw withOwnField(isQError(error) ? error : fromConnectError(error), ownField)
    }
  }
}

/** The caller knows nothing of mutations. */
function withOwnField(error: QError, ownField: string): QError {
  const { code, message, field, metadata } = error
  const match = /^mutations\[\d+\]\.[a-z_]+(.*)$/.exec(field)
  if (match === null) return error
  return new QError(code, message, { field: ownField + (match[1] ?? ''), metadata, cause: error })
}
