import { runApp } from '@qcore/service'
import { createReader, readerVariables } from './service.ts'

await runApp('reader', readerVariables, createReader)
