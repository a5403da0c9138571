import { celMethod, CelScalar, type CelFunc } from '@bufbuild/cel'
import { timestampType } from './timestamp-type.ts'

const dayMs = 86_400_000

/** The parts of an instant, in UTC: the library's depend on the time zone of the process. */
export const timeFunctions: readonly CelFunc[] = [
  part('getFullYear', (date) => date.getUTCFullYear()),
  part('getMonth', (date) => date.getUTCMonth()),
  part('getDate', (date) => date.getUTCDate()),
  part('getDayOfMonth', (date) => date.getUTCDate() - 1),
  part('getDayOfWeek', (date) => date.getUTCDay()),
  part('getDayOfYear', dayOfYear),
  part('getHours', (date) => date.getUTCHours()),
  part('getMinutes', (date) => date.getUTCMinutes()),
  part('getSeconds', (date) => date.getUTCSeconds()),
  part('getMilliseconds', (date) => date.getUTCMilliseconds()),
]

function part(name: string, partOf: (date: Date) => number): CelFunc {
  return celMethod(name, timestampType, [], CelScalar.INT, function () {
    const { seconds, nanos } = this.message
    return BigInt(partOf(new Date(Number(seconds) * 1_000 + Math.floor(nanos / 1_000_000))))
  })
}

/** From 0. */
function dayOfYear(date: Date): number {
  const first = new Date(date)
  first.setUTCMonth(0, 1)
  return Math.round((date.getTime() - first.getTime()) / dayMs)
}
