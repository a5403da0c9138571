import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import { expect, it } from 'vitest'

/** What a process writes that logs these details. */
function logged(details: object, level = 'info'): Record<string, unknown>[] {
  const script = `
    const { createLogger } = await import(${JSON.stringify(join(import.meta.dirname, '../src/logger.ts'))})
    const logger = createLogger({ service: 'sample', level: ${JSON.stringify(level)}, instanceId: 'i1' })
    logger.info(${JSON.stringify(details)}, 'happened')`
  const output = execFileSync(process.execPath, ['--input-type=module', '-e', script], { encoding: 'utf8' })
  return output
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

it('writes one line of JSON that names the service, the instance and the time', () => {
  const lines = logged({ store: 'main' })
  expect(lines).toEqual([
    expect.objectContaining({ service: 'sample', instance: 'i1', store: 'main', msg: 'happened' }),
  ])
  expect(lines[0]?.['time']).toMatch(/^\d{4}-\d\d-\d\dT/)
})

it.each(['token', 'secret', 'password', 'authorization'])('writes no %s', (name) => {
  const [line] = logged({ [name]: 'hidden-1', request: { [name]: 'hidden-2', method: 'GET' } })
  expect(JSON.stringify(line)).not.toContain('hidden')
  expect(line).toMatchObject({ [name]: '(redacted)', request: { [name]: '(redacted)', method: 'GET' } })
})

it('writes nothing below its level', () => {
  expect(logged({ store: 'main' }, 'warn')).toEqual([])
})
