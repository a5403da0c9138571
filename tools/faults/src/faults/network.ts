import { setTimeout as delay } from 'node:timers/promises'
import { atExit, networkPrefix, runQuietly } from '../cluster/leftovers.ts'
import type { Placement } from '../cluster/cluster-node.ts'
import { runProgram } from './run-program.ts'

/** A network of this machine alone, in which some nodes are. Disposing removes it. */
export interface Network extends AsyncDisposable {
  place(name: string): Placement
  /** Takes a node's cable out: nothing passes, and nobody is told. */
  cut(name: string): Promise<void>
  heal(name: string): Promise<void>
}

/** For benchmarks of networks: no other machine has such an address. */
const subnet = '198.18'
const settleMs = 100

/** Makes a bridge, and a network namespace on it for each name. Needs root. */
export async function openNetwork(names: readonly string[]): Promise<Network> {
  const prefix = networkPrefix()
  const bridge = `${prefix}b`
  const block = `${subnet}.${process.pid % 256}`
  const outerHost = `${block}.1`
  const plugs = new Map(names.map((name, index) => [name, plugOf(prefix, block, index + 1)]))
  const remove = (): void => {
    for (const { namespace } of plugs.values()) runQuietly('ip', ['netns', 'delete', namespace])
    runQuietly('ip', ['link', 'delete', bridge])
  }
  const guard = atExit(remove)
  const plug = (name: string): Plug => {
    const found = plugs.get(name)
    if (found === undefined) throw new Error(`the network has no ${name}`)
    return found
  }
  try {
    await plugIn(bridge, outerHost, [...plugs.values()])
  } catch (error) {
    remove()
    guard[Symbol.dispose]()
    throw error
  }
  return {
    place: (name) => {
      const { namespace, innerHost } = plug(name)
      const wrapper = ['ip', 'netns', 'exec', namespace]
      return { outerHost, innerHost, wrapper, env: { PATH: process.env['PATH'] } }
    },
    cut: async (name) => ip('link', 'set', plug(name).cable, 'nomaster'),
    heal: async (name) => ip('link', 'set', plug(name).cable, 'master', bridge),
    [Symbol.asyncDispose]: async () => {
      remove()
      guard[Symbol.dispose]()
      // The kernel takes a moment to take a namespace apart.
      await delay(settleMs)
    },
  }
}

async function plugIn(bridge: string, outerHost: string, plugs: readonly Plug[]): Promise<void> {
  await ip('link', 'add', bridge, 'type', 'bridge')
  await ip('addr', 'add', `${outerHost}/24`, 'dev', bridge)
  await ip('link', 'set', bridge, 'up')
  for (const { namespace, cable, innerHost } of plugs) {
    await ip('netns', 'add', namespace)
    await ip('link', 'add', cable, 'type', 'veth', 'peer', 'name', 'eth0', 'netns', namespace)
    await ip('link', 'set', cable, 'master', bridge, 'up')
    await ip('-netns', namespace, 'addr', 'add', `${innerHost}/24`, 'dev', 'eth0')
    await ip('-netns', namespace, 'link', 'set', 'eth0', 'up')
    await ip('-netns', namespace, 'link', 'set', 'lo', 'up')
  }
}

interface Plug {
  readonly namespace: string
  readonly cable: string
  readonly innerHost: string
}

function plugOf(prefix: string, block: string, number: number): Plug {
  return { namespace: `${prefix}n${number}`, cable: `${prefix}v${number}`, innerHost: `${block}.${10 + number}` }
}

async function ip(...args: string[]): Promise<void> {
  await runProgram('ip', args)
}
