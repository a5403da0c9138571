import type { Worker, WorkerHandle } from '@qcore/application'
import { commit, isQError, type Client, type Entity, type Field, type MissingField } from '@qcore/client'

export async function setRequestSchema(q: Client): Promise<void> {
  const statuses = ['pending', 'processing', 'completed', 'failed']
  await q.setSchema({
    type: 'Request',
    fields: { Status: { type: 'Choice', choices: statuses }, Data: 'String', Response: 'String', Error: 'String' },
  })
}

/** How long an answer may take, in milliseconds. */
const answerTimeoutMs = 10_000

/** Asks: an entity a request. */
export class ClientWorker implements Worker {
  readonly #q: Client
  readonly #parent: Entity
  readonly #print: (line: string) => void

  constructor(q: Client, parent: Entity, print: (line: string) => void) {
    this.#q = q
    this.#parent = parent
    this.#print = print
  }

  init(handle: WorkerHandle): void {
    handle.enqueue(async () => {
      for (const data of ['6 * 7', 'a / 0']) this.#print(`client: ${data} = ${await this.#ask(data, handle.signal)}`)
      handle.requestStop()
    })
  }

  async #ask(data: string, signal: AbortSignal): Promise<string> {
    // One commit: nobody sees a request without its data.
    const asked = await this.#q.create('Request', { parent: this.#parent, name: 'request', fields: { Data: data } })
    try {
      return await this.#answerTo(asked, signal)
    } finally {
      await this.#q.delete(asked)
    }
  }

  async #answerTo(asked: Entity, stop: AbortSignal): Promise<string> {
    const signal = AbortSignal.any([stop, AbortSignal.timeout(answerTimeoutMs)])
    // From the revision of the request on: an answer that was faster than the subscription is not missed.
    const resumeAfter = { revision: asked.createdRevision }
    const target = { entity: asked, fields: ['Status'], context: ['Response', 'Error'] }
    for await (const { current, context } of await this.#q.notifications(target, { signal, resumeAfter })) {
      const [response, error] = context
      if (current.value === 'completed') return textOf(response)
      if (current.value === 'failed') return `an error (${textOf(error)})`
    }
    throw new Error('no answer in time')
  }
}

/** Answers. There may be several: each request is taken by one. */
export class ServerWorker implements Worker {
  readonly #q: Client
  #handle: WorkerHandle | undefined

  constructor(q: Client) {
    this.#q = q
  }

  async init(handle: WorkerHandle): Promise<void> {
    this.#handle = handle
    await this.#q.notify(
      { type: 'Request', fields: ['Status'] },
      ({ entityId, current }) => {
        if (current.value === 'pending') this.#take(entityId)
      },
      { signal: handle.signal },
    )
    // What was asked before there was a server.
    for await (const { id } of this.#q.find('Request', { where: { Status: 'pending' } })) this.#take(id)
  }

  #take(request: string): void {
    this.#handle?.enqueue(() => this.#answer(request))
  }

  async #answer(request: string): Promise<void> {
    try {
      await this.#q.commit(commit().write(request, 'Status', 'processing').ifValue(request, 'Status', 'pending'))
    } catch (error) {
      // Another server was faster, or nobody waits for the answer any more.
      if (isQError(error, 'condition_failed') || isQError(error, 'unknown_entity')) return
      throw error
    }
    const { value } = await this.#q.read(request, 'Data')
    const outcome = calculate(typeof value === 'string' ? value : '')
    const answer = Number.isFinite(outcome)
      ? commit().write(request, 'Response', String(outcome)).write(request, 'Status', 'completed')
      : commit().write(request, 'Error', 'not a number').write(request, 'Status', 'failed')
    await this.#q.commit(answer)
  }
}

function calculate(data: string): number {
  const [left = '', operator, right = ''] = data.split(' ')
  return operator === '*' ? Number(left) * Number(right) : Number.NaN
}

function textOf(field: Field | MissingField | undefined): string {
  return typeof field?.value === 'string' ? field.value : ''
}
