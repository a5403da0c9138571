import { runApp } from '@qcore/service'
import { createScheduler, schedulerVariables } from './service.ts'

await runApp('scheduler', schedulerVariables, createScheduler)
