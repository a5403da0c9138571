import { leaseMs } from '../cluster/cluster.ts'
import { here, type Placement } from '../cluster/cluster-node.ts'
import { openNetwork, type Network } from '../faults/network.ts'
import { expectStandby, silentTakeOverMs } from './leader.ts'
import type { FaultRun, Scenario } from './scenario.ts'
import { afterServerMs } from './servers.ts'

const writers = ['writer-1', 'writer-2']

export const partitionLeader: Scenario = {
  name: 'partition-leader',
  summary: 'the leading writer cut from everything, in a network of its own, without a word, for two leases',
  needs: ['namespaces'],
  inSmoke: false,
  plan: async ({ parts }) => {
    const network = parts.use(await openNetwork(writers))
    const place = (name: string): Placement => (writers.includes(name) ? network.place(name) : here)
    return { cluster: { place }, breakAndHeal: async (run) => partition(run, network) }
  },
}

async function partition(run: FaultRun, network: Network): Promise<void> {
  const leader = await run.cluster.leader(run.signal)
  await run.fault({
    name: `${leader.name} in a partition`,
    recovery: { from: 'begin', mostMs: silentTakeOverMs },
    begin: async () => {
      const before = await leader.health('lease')
      await network.cut(leader.name)
      return before !== '' && (await leader.health('lease')) === '' ? `${leader.name} could not be reached` : undefined
    },
    durationMs: leaseMs * 2,
    heal: async () => {
      await network.heal(leader.name)
      return undefined
    },
  })
  await run.wait(afterServerMs)
  await expectStandby(run, leader)
}
