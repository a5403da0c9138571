import type { ComparedField, Difference, DifferenceCounts, Entity, RestorePlan } from '@qcore/client'
import { describeError } from './exit-code.ts'
import { textOfEntity } from './field-text.ts'
import { aligned, printable } from './printable.ts'
import { jsonOfValue, textOfValue } from './value-text.ts'

/** A plan for people. */
export function textOfPlan(plan: RestorePlan): string {
  const { snapshot, revision, types, entities, fields } = plan
  const what = plan.underId === '' ? 'the whole store' : `${plan.underId} and what is below it`
  const counts = Object.entries({ types, entities, fields }).map(([name, each]) => [name, textOfCounts(each)])
  return [
    `revision ${snapshot.revision} of ${printable(snapshot.store)}, saved ${snapshot.time.toString()}: ${what}\n`,
    `compared with revision ${revision}:\n`,
    aligned(counts),
    ...plan.typeDifferences.map((each) => `${sign(each)} type ${(each.restored ?? each.current)?.type ?? ''}\n`),
    ...plan.entityDifferences.map((each) => `${sign(each)} ${textOfEntities(each)}\n`),
    ...plan.fieldDifferences.map(
      (each) =>
        `${sign(each)} ${each.entityId}.${each.name}  ${textOfField(each.current)} → ${textOfField(each.restored)}\n`,
    ),
    ...plan.problems.map((problem) => `! ${printable(describeError(problem))}\n`),
  ].join('')
}

/** A plan for programs. */
export function jsonOfPlan(plan: RestorePlan): Record<string, unknown> {
  const { revision, snapshot, underId, problemCount, types, entities, fields } = plan
  return {
    revision,
    snapshot: { ...snapshot, time: snapshot.time.toString() },
    underId,
    problemCount,
    problems: plan.problems.map(({ code, message, field }) => ({ code, message, field })),
    types,
    entities,
    fields,
    typeDifferences: plan.typeDifferences.map((each) => ({
      sign: sign(each),
      type: (each.restored ?? each.current)?.type,
    })),
    entityDifferences: plan.entityDifferences,
    fieldDifferences: plan.fieldDifferences.map(({ entityId, name, current, restored }) => ({
      entityId,
      name,
      ...(current === undefined ? {} : { current: jsonOfCompared(current) }),
      ...(restored === undefined ? {} : { restored: jsonOfCompared(restored) }),
    })),
  }
}

function textOfCounts({ created, deleted, changed }: DifferenceCounts): string {
  return `${created} created, ${deleted} deleted, ${changed} changed`
}

function sign({ current, restored }: Difference<unknown>): string {
  if (current === undefined) return '+'
  return restored === undefined ? '-' : '~'
}

function textOfEntities({ current, restored }: Difference<Entity>): string {
  const shown = restored ?? current
  const text = shown === undefined ? '' : textOfEntity(shown)
  return current === undefined || restored === undefined ? text : `${textOfEntity(current)} → ${text}`
}

function textOfField(field: ComparedField | undefined): string {
  if (field === undefined) return 'none'
  const value = field.held === undefined ? '…' : textOfValue(field.held)
  return `${value} (${printable(field.writer)} ${field.writeTime.toString()})`
}

function jsonOfCompared({ held, writeTime, writer }: ComparedField): Record<string, unknown> {
  const value = held === undefined ? {} : { type: held.type, value: jsonOfValue(held) }
  return { ...value, writeTime: writeTime.toString(), writer }
}
