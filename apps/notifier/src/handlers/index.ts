import type { ConnectRouter } from '@connectrpc/connect'
import { WatchService } from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { watch } from './watch.ts'

export function registerHandlers(router: ConnectRouter, context: NotifierContext): void {
  router.service(WatchService, {
    watch: (request, call) => watch(request, call, context),
  })
}
