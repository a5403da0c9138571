import { moveClock } from './clock.ts'
import { configInstances } from './config.ts'
import { diskFull, powerCut, slowDisk } from './disks.ts'
import { deleteNatsUnderEvents, killEventNodes, killEventNotifiers, poisonEvents, repeatEvents } from './events.ts'
import { failpoints } from './failpoints.ts'
import { deafClientsScenario, gatewayStorm } from './gateway.ts'
import { killLeader, pauseLeader, stopLeader } from './leader.ts'
import { cutLeaderFromNats, cutLeaderFromPostgres, loseAnswers, resetConnections } from './network.ts'
import { partitionLeader } from './partition.ts'
import { killEverything, killOthers, pauseOthers } from './processes.ts'
import { deleteNats, killNats, killPostgres, killRedis, pauseNats, pausePostgres } from './servers.ts'
import { badReceivers } from './receivers.ts'
import type { Scenario } from './scenario.ts'
import { comingAndGoing } from './visitors.ts'
import { killSchedulers, loseServersOfSchedules, moveSchedulerClocks, pauseSchedulers } from './schedulers.ts'

/** In the order of the table. */
export const allScenarios: readonly Scenario[] = [
  killLeader,
  stopLeader,
  pauseLeader,
  failpoints,
  killOthers,
  pauseOthers,
  killEverything,
  gatewayStorm,
  deafClientsScenario,
  comingAndGoing,
  partitionLeader,
  cutLeaderFromPostgres,
  cutLeaderFromNats,
  loseAnswers,
  resetConnections,
  killPostgres,
  pausePostgres,
  powerCut,
  diskFull,
  slowDisk,
  killNats,
  pauseNats,
  deleteNats,
  killRedis,
  moveClock,
  configInstances,
  killEventNodes,
  killEventNotifiers,
  deleteNatsUnderEvents,
  repeatEvents,
  poisonEvents,
  killSchedulers,
  pauseSchedulers,
  loseServersOfSchedules,
  badReceivers,
  moveSchedulerClocks,
]
