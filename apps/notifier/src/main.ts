import { runApp } from '@qcore/service'
import { createNotifier, notifierVariables } from './service.ts'

await runApp('notifier', notifierVariables, createNotifier)
