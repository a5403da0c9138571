import { runApp } from '@qcore/service'
import { authVariables, createAuth } from './service.ts'

await runApp('auth', authVariables, createAuth)
