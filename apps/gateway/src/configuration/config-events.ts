import type { WatchConfigResponse } from '@qcore/contracts'
import { eventIdOf } from '../stream/cursor.ts'
import type { ServerSentEvent } from '../stream/sse/event-writer.ts'
import { changeJson, entryJson, listJson } from './config-json.ts'

/** What a watch sends, as Server-Sent Events. The id of one is where a client goes on that has handled it. */
export class ConfigEvents {
  #configId = ''

  /** Undefined for what a newer service sends. */
  of({ event }: WatchConfigResponse): ServerSentEvent | undefined {
    switch (event.case) {
      case 'entries':
        return { event: 'entries', data: `{"entries":${listJson(event.value.entries.map(entryJson))}}` }
      case 'live': {
        const { configRevision: revision, configId } = event.value
        this.#configId = configId
        const data = `{"revision":${revision},"configId":${JSON.stringify(configId)}}`
        return { event: 'live', id: this.#idOf(revision), data }
      }
      case 'changes': {
        const { configRevision: revision, changes, more, configId } = event.value
        this.#configId = configId
        const data = `{"revision":${revision},"changes":${listJson(changes.map(changeJson))},"more":${more}}`
        return more ? { data } : { id: this.#idOf(revision), data }
      }
      case 'progress': {
        const { configRevision: revision } = event.value
        return { event: 'progress', id: this.#idOf(revision), data: `{"revision":${revision}}` }
      }
      case undefined:
        return undefined
    }
  }

  #idOf(revision: bigint): string {
    return eventIdOf({ revision, logId: this.#configId })
  }
}
