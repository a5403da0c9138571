import { createHash } from 'node:crypto'
import type { Rule } from './rule.ts'

/**
 * When an occurrence is due: its moment, put off by the rule's jitter. How much follows from the id of the schedule and the
 * moment alone, so that every process and every retry comes to the same time. The moment stays the occurrence's identity.
 */
export function dueAt(rule: Rule, scheduleId: string, atMs: number): number {
  if (rule.jitterMs === 0) return atMs
  const digest = createHash('sha256').update(`${scheduleId}\n${atMs}`).digest()
  // 48 bits are exact in a number, and far finer than any jitter.
  return atMs + (digest.readUIntBE(0, 6) % (rule.jitterMs + 1))
}
