import { once } from 'node:events'
import { enableFailpoints, failpoint } from '../src/failpoint.ts'
import { processEnvironment } from '../src/env.ts'

enableFailpoints(processEnvironment())
process.on('SIGUSR2', () => process.stderr.write('armed\n'))
process.stdout.write('ready\n')
for (;;) {
  await once(process.stdin, 'data')
  failpoint('sample.first')
  process.stdout.write('first\n')
  failpoint('sample.second')
  process.stdout.write('second\n')
}
