import { setTimeout as delay } from 'node:timers/promises'
import type { ContainerRuntimeClient } from 'testcontainers'
import type { BackingKind, BackingServer } from './backing-server.ts'
import { openDataFolder } from './data-folder.ts'
import { assertPortFree, freePort, loopback } from './free-port.ts'
import { LocalStackError } from './local-stack-error.ts'

type Dockerode = ContainerRuntimeClient['container']['dockerode']
type Container = ReturnType<Dockerode['getContainer']>

/** What is particular to one kind of server that runs in a container. */
export interface ContainerDefinition {
  readonly kind: BackingKind
  /** For people, as `PostgreSQL`. */
  readonly title: string
  readonly image: string
  readonly innerPort: number
  readonly dataFolder: string | undefined
  /** Prepares the data folder, and says how to run the image with it. */
  prepare(this: void, folder: string): Promise<ContainerCommand>
  url(host: string, port: number): string
  isReady(host: string, port: number): Promise<boolean>
}

export interface ContainerCommand {
  readonly args: readonly string[]
  readonly env: Readonly<Record<string, string>>
  /** Folders of this machine, by the path that they have in the container. */
  readonly mounts: Readonly<Record<string, string>>
}

export interface ContainerStart {
  readonly port: number | undefined
  readonly signal: AbortSignal | undefined
}

const folderLabel = 'qcore.local-stack.folder'
const readyPollMs = 100
const readyTimeoutMs = 60_000
const stopTimeoutSeconds = 10

/** Starts a server in a container; a string says why that cannot be. */
export async function startContainer(
  definition: ContainerDefinition,
  { port: wantedPort, signal }: ContainerStart,
): Promise<BackingServer | string> {
  const engine = await findEngine()
  if (engine === undefined) return 'no container engine answers'
  const { dockerode } = engine.container
  const { kind, title, image } = definition
  const folder = await openDataFolder({
    kind,
    wanted: definition.dataFolder,
    endLeftovers: (path) => removeLeftover(dockerode, path),
  })
  await using parts = new AsyncDisposableStack()
  parts.defer(() => folder.release())
  if (wantedPort !== undefined) await assertPortFree(wantedPort, title)
  const port = wantedPort ?? (await freePort())
  const { host } = engine.info.containerRuntime
  const container = await createContainer(engine, definition, { folder: folder.path, port })
  parts.defer(() => container.remove({ force: true, v: true }))
  const start = async (): Promise<void> => {
    await container.start()
    await waitUntilReady(definition, { host, port, signal })
  }
  await start()
  const running = parts.move()
  const stop = async (): Promise<void> => {
    // A container that was ended by a fault test is not there to be stopped.
    await container.stop({ t: stopTimeoutSeconds }).catch(() => {})
    await running.disposeAsync()
  }
  return {
    kind,
    url: definition.url(host, port),
    host,
    port,
    source: `${title} in a container of ${image}`,
    stop,
    kill: (name) => void container.kill({ signal: name }).catch(() => {}),
    ended: async () => {
      const { StatusCode } = (await container.wait()) as { StatusCode: number }
      return `exit code ${StatusCode}`
    },
    restart: async () => {
      await container.stop({ t: stopTimeoutSeconds }).catch(() => {})
      await start()
    },
    [Symbol.asyncDispose]: stop,
  }
}

/** The engine that answers. A `docker` command proves nothing: it may have no engine behind it. */
async function findEngine(): Promise<ContainerRuntimeClient | undefined> {
  // Loading the library takes longer than most servers take to start.
  const { getContainerRuntimeClient } = await import('testcontainers')
  return getContainerRuntimeClient().catch(() => undefined)
}

async function createContainer(
  engine: ContainerRuntimeClient,
  { image, innerPort, prepare, title }: ContainerDefinition,
  { folder, port }: { folder: string; port: number },
): Promise<Container> {
  const { ImageName } = await import('testcontainers')
  const { args, env, mounts } = await prepare(folder)
  const isLocal = ['localhost', loopback].includes(engine.info.containerRuntime.host)
  try {
    await engine.image.pull(ImageName.fromString(image))
    return await engine.container.dockerode.createContainer({
      Image: image,
      Cmd: [...args],
      Env: Object.entries(env).map(([name, value]) => `${name}=${value}`),
      Labels: { [folderLabel]: folder },
      ExposedPorts: { [`${innerPort}/tcp`]: {} },
      HostConfig: {
        Binds: Object.entries(mounts).map(([inner, outer]) => `${outer}:${inner}`),
        PortBindings: {
          [`${innerPort}/tcp`]: [{ HostPort: String(port), HostIp: isLocal ? loopback : '' }],
        },
      },
    })
  } catch (error) {
    throw new LocalStackError(`${title} did not start in a container: ${(error as Error).message}`, { cause: error })
  }
}

async function removeLeftover(dockerode: Dockerode, folder: string): Promise<void> {
  const filters = { label: [`${folderLabel}=${folder}`] }
  for (const { Id } of await dockerode.listContainers({ all: true, filters })) {
    await dockerode.getContainer(Id).remove({ force: true, v: true })
  }
}

interface ReadyWait {
  readonly host: string
  readonly port: number
  readonly signal: AbortSignal | undefined
}

async function waitUntilReady(definition: ContainerDefinition, { host, port, signal }: ReadyWait): Promise<void> {
  const deadline = Date.now() + readyTimeoutMs
  while (!(await definition.isReady(host, port))) {
    signal?.throwIfAborted()
    if (Date.now() > deadline) {
      throw new LocalStackError(`${definition.title} in a container was not ready within ${readyTimeoutMs / 1_000} s`)
    }
    await delay(readyPollMs)
  }
}
