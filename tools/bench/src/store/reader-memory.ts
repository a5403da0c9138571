import { readFileSync } from 'node:fs'
import type { Row } from '../measure/comparison.ts'
import type { BenchContext } from './bench-context.ts'
import { fieldNames, fieldsPerEntity } from './dataset.ts'

const mostMebibytes = 512
const readsPerRequest = 1_000

/** The resident memory of the reader's process when it has the whole data set in its cache. Linux only. */
export async function measureReaderMemory({ q, ids, system }: BenchContext): Promise<Row> {
  const entities = readsPerRequest / fieldsPerEntity
  for (let from = 0; from < ids.length; from += entities) {
    await q.readMany(ids.slice(from, from + entities).flatMap((entity) => fieldNames.map((path) => ({ entity, path }))))
  }
  const reader = system.processes.find(({ name }) => name === 'reader')
  const status = readFileSync(`/proc/${reader?.pid}/status`, 'utf8')
  const mebibytes = Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1]) / 1_024
  return {
    name: `reader with ${(ids.length * fieldsPerEntity).toLocaleString('en-US')} cached fields, resident`,
    unit: 'MiB',
    qcore: mebibytes,
    limitName: '',
    target: `≤ ${mostMebibytes}`,
    reached: mebibytes <= mostMebibytes,
  }
}
