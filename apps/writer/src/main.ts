import { runApp } from '@qcore/service'
import { createWriter, writerVariables } from './service.ts'

await runApp('writer', writerVariables, createWriter)
