import { runProgram } from '@qcore/service'
import { describeSettings, launch } from './launch.ts'

await runProgram({ name: 'qcore', describe: describeSettings, start: launch })
