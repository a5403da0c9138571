import { runApp } from '@qcore/service'
import { createGateway, gatewayVariables } from './service.ts'

await runApp('gateway', gatewayVariables, createGateway)
