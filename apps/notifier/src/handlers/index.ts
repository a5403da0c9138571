import type { ConnectRouter } from '@connectrpc/connect'
import {
  ConfigService,
  DeadLetterService,
  DeliveryService,
  HeldEventService,
  NodeService,
  RegistrationService,
  WatchService,
} from '@qcore/contracts'
import type { NotifierContext } from '../context.ts'
import { acknowledge } from './acknowledge.ts'
import { deadLetterHandlers } from './dead-letters.ts'
import { deleteConfig } from './delete-config.ts'
import { deliveryHandlers } from './delivery.ts'
import { getConfigStatus } from './get-config-status.ts'
import { getConfig } from './get-config.ts'
import { getRegistration } from './get-registration.ts'
import { heldEventHandlers } from './held-events.ts'
import { listConfigHistory } from './list-config-history.ts'
import { listConfig } from './list-config.ts'
import { listRegistrations } from './list-registrations.ts'
import { nodeHandlers } from './nodes.ts'
import { putConfig } from './put-config.ts'
import { receive } from './receive.ts'
import { register } from './register.ts'
import { renew } from './renew.ts'
import { rollbackConfig } from './rollback-config.ts'
import { unregister } from './unregister.ts'
import { watchConfig } from './watch-config.ts'
import { watch } from './watch.ts'

export function registerHandlers(router: ConnectRouter, context: NotifierContext): void {
  router.service(WatchService, {
    watch: (request, call) => watch(request, call, context),
  })
  router.service(ConfigService, {
    getConfig: (request, call) => getConfig(request, call, context),
    listConfig: (request, call) => listConfig(request, call, context),
    listConfigHistory: (request, call) => listConfigHistory(request, call, context),
    putConfig: (request, call) => putConfig(request, call, context),
    deleteConfig: (request, call) => deleteConfig(request, call, context),
    rollbackConfig: (request, call) => rollbackConfig(request, call, context),
    watchConfig: (request, call) => watchConfig(request, call, context),
    getConfigStatus: (_, call) => getConfigStatus(call, context),
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
  router.service(DeliveryService, deliveryHandlers(context))
  router.service(DeadLetterService, deadLetterHandlers(context.eventPool))
  router.service(HeldEventService, heldEventHandlers(context.eventPool))
}
