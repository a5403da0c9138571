import { resolve } from 'node:path'
import { generateAll } from './generated.ts'

await generateAll(resolve(import.meta.dirname, '../../..'))
