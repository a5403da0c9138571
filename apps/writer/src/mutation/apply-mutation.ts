import type { Mutation, MutationResult } from '@qcore/contracts'
import { QError } from '@qcore/errors'
import type { CommitContext } from '../commit/commit-context.ts'
import { alterType, deleteType } from './alter-type.ts'
import { deleteSchedule, pauseSchedule, resumeSchedule } from './change-schedule.ts'
import { deleteConfig, putConfig } from './change-config.ts'
import { createEntity } from './create-entity.ts'
import { deleteEntity } from './delete-entity.ts'
import { emitEvent } from './emit-event.ts'
import { moveEntity } from './move-entity.ts'
import { putSchedule } from './put-schedule.ts'
import { renameEntity } from './rename-entity.ts'
import { setSchema } from './set-schema.ts'
import { writeField } from './write-field.ts'

/** Makes one change of a commit. Throws a QError that names the wrong part as `mutations[i]…`. */
export function applyMutation(context: CommitContext, mutation: Mutation, index: number): MutationResult {
  const { kind } = mutation
  switch (kind.case) {
    case 'createEntity':
      return createEntity(context, kind.value, `mutations[${index}].create_entity`)
    case 'deleteEntity':
      return deleteEntity(context, kind.value, `mutations[${index}].delete_entity`)
    case 'writeField':
      return writeField(context, kind.value, `mutations[${index}].write_field`)
    case 'setSchema':
      return setSchema(context, kind.value, `mutations[${index}].set_schema`)
    case 'renameEntity':
      return renameEntity(context, kind.value, `mutations[${index}].rename_entity`)
    case 'moveEntity':
      return moveEntity(context, kind.value, `mutations[${index}].move_entity`)
    case 'alterType':
      return alterType(context, mutation, `mutations[${index}].alter_type`)
    case 'deleteType':
      return deleteType(context, mutation, `mutations[${index}].delete_type`)
    case 'emitEvent':
      return emitEvent(context, kind.value, `mutations[${index}].emit_event`)
    case 'putSchedule':
      return putSchedule(context, kind.value, `mutations[${index}].put_schedule`)
    case 'deleteSchedule':
      return deleteSchedule(context, kind.value, `mutations[${index}].delete_schedule`)
    case 'pauseSchedule':
      return pauseSchedule(context, kind.value, `mutations[${index}].pause_schedule`)
    case 'resumeSchedule':
      return resumeSchedule(context, kind.value, `mutations[${index}].resume_schedule`)
    case 'putConfig':
      return putConfig(context, kind.value, `mutations[${index}].put_config`)
    case 'deleteConfig':
      return deleteConfig(context, kind.value, `mutations[${index}].delete_config`)
    default:
      throw new QError('invalid_request', 'the mutation is empty', { field: `mutations[${index}]` })
  }
}
