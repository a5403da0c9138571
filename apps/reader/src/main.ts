import { setFlagsFromString } from 'node:v8'
import { runApp } from '@qcore/service'
import { createReader, readerVariables } from './service.ts'

// What a reader keeps is its cache. V8 would let garbage grow to several times that before it looks; so, to as much again.
setFlagsFromString('--heap-growing-percent=100')

await runApp('reader', readerVariables, createReader)
