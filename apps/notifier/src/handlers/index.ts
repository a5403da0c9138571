import type { ConnectRouter } from '@connectrpc/connect'
import { NodeService, RegistrationService, WatchService } from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { acknowledge } from './acknowledge.ts'
import { getRegistration } from './get-registration.ts'
import { listRegistrations } from './list-registrations.ts'
import { nodeHandlers } from './nodes.ts'
import { receive } from './receive.ts'
import { register } from './register.ts'
import { renew } from './renew.ts'
import { unregister } from './unregister.ts'
import { watch } from './watch.ts'

export function registerHandlers(router: ConnectRouter, context: NotifierContext): void {
  router.service(WatchService, {
    watch: (request, call) => watch(request, call, context),
  })
  router.service(RegistrationService, {
    register: (request, call) => register(request, call, context),
    renew: (request, call) => renew(request, call, context),
    unregister: (request, call) => unregister(request, call, context),
    getRegistration: (request, call) => getRegistration(request, call, context),
    listRegistrations: (request, call) => listRegistrations(request, call, context),
    acknowledge: (request, call) => acknowledge(request, call, context),
    receive: (request, call) => receive(request, call, context),
  })
  router.service(NodeService, nodeHandlers(context.pool))
}
