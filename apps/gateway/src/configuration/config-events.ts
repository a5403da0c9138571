import type { WatchConfigResponse } from '@qcore/contracts'
import type { ServerSentEvent } from '../stream/sse/event-writer.ts'
import { changeJson, entryJson, listJson } from './config-json.ts'

/** What a watch sends, as a Server-Sent Event. Its id is where a client goes on that has handled it. */
export function eventOfWatch({ event }: WatchConfigResponse): ServerSentEvent | undefined {
  switch (event.case) {
    case 'entries':
      return { event: 'entries', data: `{"entries":${listJson(event.value.entries.map(entryJson))}}` }
    case 'live': {
      const { configRevision: revision, configId } = event.value
      return {
        event: 'live',
        id: `${revision}`,
        data: `{"revision":${revision},"configId":${JSON.stringify(configId)}}`,
      }
    }
    case 'changes': {
      const { configRevision: revision, changes, more } = event.value
      const data = `{"revision":${revision},"changes":${listJson(changes.map(changeJson))},"more":${more}}`
      return more ? { data } : { id: `${revision}`, data }
    }
    case 'progress': {
      const { configRevision: revision } = event.value
      return { event: 'progress', id: `${revision}`, data: `{"revision":${revision}}` }
    }
    case undefined:
      return undefined
  }
}
