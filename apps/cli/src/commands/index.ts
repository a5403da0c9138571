import type { Command } from 'commander'
import type { Io } from '../io.ts'
import { addConfig } from './config.ts'
import { addCreate } from './create.ts'
import { addDeadLetters } from './dead-letters.ts'
import { addDelete } from './delete.ts'
import { addEmit } from './emit.ts'
import { addEvents } from './events.ts'
import { addFind } from './find.ts'
import { addGet } from './get.ts'
import { addGroups } from './groups.ts'
import { addHeld } from './held.ts'
import { addHistory } from './history.ts'
import { addLog } from './log.ts'
import { addMove } from './move.ts'
import { addRegistration } from './registration.ts'
import { addRename } from './rename.ts'
import { addNamespace } from './namespace.ts'
import { addNodes } from './nodes.ts'
import { addQuery } from './query.ts'
import { addSchedules } from './schedules.ts'
import { addSchema } from './schema.ts'
import { addSet } from './set.ts'
import { addSnapshot } from './snapshot.ts'
import { addStatus } from './status.ts'
import { addToken } from './token.ts'
import { addTree } from './tree.ts'
import { addWatch } from './watch.ts'

/** All commands, in the order of the help. */
const commands = [
  addTree,
  addGet,
  addSet,
  addCreate,
  addRename,
  addMove,
  addDelete,
  addFind,
  addQuery,
  addWatch,
  addHistory,
  addLog,
  addEmit,
  addEvents,
  addHeld,
  addNamespace,
  addNodes,
  addConfig,
  addSchedules,
  addGroups,
  addDeadLetters,
  addSchema,
  addSnapshot,
  addRegistration,
  addToken,
  addStatus,
] as const

export function registerCommands(program: Command, io: Io): void {
  for (const add of commands) add(program, io)
  // Commands inherit neither of these.
  for (const command of allCommands(program)) {
    command.exitOverride().copyInheritedSettings(command.parent ?? program)
  }
}

function allCommands(command: Command): Command[] {
  return command.commands.flatMap((each) => [each, ...allCommands(each)])
}
