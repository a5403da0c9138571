import type { Worker, WorkerHandle } from '@qcore/application'
import type { Client, Entity } from '@qcore/client'

/** Where both meet: a field of an entity. */
export async function createCommandEntity(q: Client, parent: Entity): Promise<Entity> {
  await q.setSchema({ type: 'CommandPost', fields: { Command: 'String' } })
  return q.create('CommandPost', { parent, name: 'command-entity' })
}

/** Sends commands by writing them to the field. */
export class SenderWorker implements Worker {
  readonly #q: Client
  readonly #post: Entity
  readonly #commands = ['start_operation', 'start_operation', 'stop_operation']

  constructor(q: Client, post: Entity) {
    this.#q = q
    this.#post = post
  }

  async doWork(): Promise<void> {
    const command = this.#commands.shift()
    if (command !== undefined) await this.#q.write(this.#post, 'Command', command)
  }
}

/** Receives what is written to the field. */
export class ReceiverWorker implements Worker {
  readonly #q: Client
  readonly #post: Entity
  readonly #print: (line: string) => void

  constructor(q: Client, post: Entity, print: (line: string) => void) {
    this.#q = q
    this.#post = post
    this.#print = print
  }

  async init(handle: WorkerHandle): Promise<void> {
    // `write`: the same command twice is two commands.
    const target = { entity: this.#post, fields: ['Command'], trigger: 'write' } as const
    await this.#q.notify(
      target,
      ({ current }) => {
        if (current.type === 'String') handle.enqueue(() => this.#onCommand(handle, current.value))
      },
      { signal: handle.signal },
    )
  }

  #onCommand(handle: WorkerHandle, command: string): void {
    this.#print(`receiver: ${command}`)
    if (command === 'stop_operation') handle.requestStop()
  }
}
