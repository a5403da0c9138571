import { commit, type TypePlan } from '@qcore/client'
import type { Command } from 'commander'
import { parseStep, stepForms } from '../alter-step.ts'
import type { Io } from '../io.ts'
import { aligned } from '../printable.ts'
import { jsonOfSchema } from '../schema-json.ts'
import { outJson, withSession } from '../session.ts'

/** The commands that change what there is of a type, and show what there was. */
export function addSchemaChanges(schema: Command, io: Io): void {
  schema
    .command('alter')
    .description('change a type, and what its entities hold')
    .argument('<type>', 'the type')
    .argument('<steps...>', `in their order, each quoted: ${stepForms.join('; ')}`)
    .option('--dry-run', 'show what would change, and change nothing')
    .action((type: string, texts: string[], { dryRun = false }: { dryRun?: boolean }, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const steps = texts.map(parseStep)
        if (dryRun) {
          const [plan] = (await q.plan(commit().alterType(type, steps))).types
          if (plan !== undefined) await (json ? outJson(io, jsonOfPlan(plan)) : io.out(textOfPlan(plan)))
          return
        }
        const { revision } = await q.alterType(type, steps)
        await (json ? outJson(io, { type, revision }) : io.out(`revision ${revision}\n`))
      }),
    )
  schema
    .command('delete')
    .description('delete a type that has no entities')
    .argument('<type>', 'the type')
    .action((type: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const { revision } = await q.deleteType(type)
        await (json ? outJson(io, { type, revision }) : io.out(`revision ${revision}\n`))
      }),
    )
  schema
    .command('versions')
    .description('list the versions of a type that there were')
    .argument('<type>', 'the type, also one that was deleted')
    .action((type: string, _options: unknown, command: Command) =>
      withSession(command, io, async ({ q, json }) => {
        const versions = await q.schemaVersions(type)
        if (json) {
          await outJson(
            io,
            versions.map((version) => ({
              ...jsonOfSchema(version),
              replacedRevision: version.replacedRevision ?? null,
            })),
          )
          return
        }
        const rows = versions.map(({ revision, replacedRevision, fields }) => [
          `${revision}`,
          replacedRevision === undefined ? 'now' : `until ${replacedRevision}`,
          Object.keys(fields).join(', '),
        ])
        await io.out(aligned(rows))
      }),
    )
}

function jsonOfPlan({ schema, previous, ...plan }: TypePlan): Record<string, unknown> {
  return {
    ...plan,
    schema: schema === undefined ? null : jsonOfSchema(schema),
    previous: previous === undefined ? null : jsonOfSchema(previous),
  }
}

function textOfPlan({ entities, fields, obstacles, obstacleCount }: TypePlan): string {
  const rows = fields.map(({ field, kind, previousName, values, references }) => [
    previousName === '' ? field : `${previousName} → ${field}`,
    kind,
    counted(values, 'value'),
    ...(references === 0 ? [] : [counted(references, 'reference')]),
  ])
  const inTheWay = obstacles.map(({ entityId, field, reason }) => [
    field === '' ? entityId : `${entityId}.${field}`,
    reason,
  ])
  const more = obstacleCount > obstacles.length ? `… and ${obstacleCount - obstacles.length} more\n` : ''
  const verdict = obstacleCount === 0 ? 'nothing stands in the way' : `${obstacleCount} in the way:`
  return `${counted(entities, 'entity', 'entities')}\n${aligned(rows)}${verdict}\n${aligned(inTheWay)}${more}`
}

function counted(count: number, one: string, many = `${one}s`): string {
  return `${count} ${count === 1 ? one : many}`
}
