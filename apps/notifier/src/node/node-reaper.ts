import type { Executor } from '@qcore/database'
import type { Logger } from '@qcore/service'
import { deleteGoneNodes } from './sql/stop-nodes.ts'

const lookEveryMs = 60_000
/** Nodes that have been gone for so long are forgotten: ids made up at each start would pile up. */
const goneMs = 604_800_000
const limit = 1_000

/** Forgets nodes that are gone. */
export class NodeReaper implements Disposable {
  readonly #timer: NodeJS.Timeout

  constructor(executor: Executor, logger: Logger) {
    this.#timer = setInterval(() => {
      deleteGoneNodes(executor, { goneMs, limit }).catch((error: unknown) =>
        logger.warn({ err: error }, 'cannot forget nodes that are gone'),
      )
    }, lookEveryMs)
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer)
  }
}
