import { Application, type ApplicationSettings, type Worker } from '@qcore/application'
import type { Client, Entity } from '@qcore/client'
import { openLeadershipStore } from '@qcore/leadership'
import { createCommandEntity, ReceiverWorker, SenderWorker } from './direct-field.ts'
import { showFailOver } from './show-fail-over.ts'
import { createEventsEntity, PublisherWorker, SubscriberWorker } from './pub-sub.ts'
import { ClientWorker, ServerWorker, setRequestSchema } from './request-response.ts'

/** How long a part may take, in milliseconds; an outage of a service lies within. */
const partTimeoutMs = 60_000

export interface ExampleOptions {
  /** Opens a client; each instance has its own. */
  readonly open: () => Promise<Client>
  readonly settings: ApplicationSettings
  readonly print: (line: string) => void
}

/** Workers that speak with each other through the store, in three ways, then an application with a leader. */
export async function runExample(options: ExampleOptions): Promise<void> {
  const { open, settings, print } = options
  await using q = await open()
  const folder = await emptyFolder(q, 'Workers example')

  print('direct field:')
  const post = await createCommandEntity(q, folder)
  await runWorkers('direct-field', settings, [new ReceiverWorker(q, post, print), new SenderWorker(q, post)])

  print('request and response:')
  await setRequestSchema(q)
  await runWorkers('request-response', settings, [
    new ServerWorker(q),
    new ServerWorker(q),
    new ClientWorker(q, folder, print),
  ])

  print('publish and subscribe:')
  const events = await createEventsEntity(q, folder)
  const heard = await listen(q, events, settings)
  for (const line of heard) print(line)

  print('one leader:')
  const address = settings.leaderStoreAddress
  const password = settings.leaderStorePassword ?? ''
  await showFailOver({
    open,
    settings,
    print,
    leasesOf: (client) => openLeadershipStore(address, { client, password }),
  })
}

/** Runs an application until one of its workers requests the stop. */
async function runWorkers(name: string, settings: ApplicationSettings, workers: readonly Worker[]): Promise<void> {
  await using app = new Application(name, { settings, tickMs: 10 }).add(...workers)
  await app.start()
  const late = setTimeout(() => app.requestStop(), partTimeoutMs)
  await app.stopRequested
  clearTimeout(late)
}

/** What each subscriber heard, by subscriber. */
async function listen(q: Client, events: Entity, settings: ApplicationSettings): Promise<string[]> {
  const heard: string[] = []
  const everything = 5
  const all = Promise.withResolvers<void>()
  const onEvent = (name: string, user: string): void => {
    heard.push(`${name}: ${user}`)
    if (heard.length === everything) all.resolve()
  }
  const logins = { q, events, event: 'user_login' }
  await runWorkers('pub-sub', settings, [
    new SubscriberWorker('greeter', logins, onEvent),
    new SubscriberWorker('auditor', logins, onEvent),
    new SubscriberWorker('cleaner', { q, events, event: 'user_logout' }, onEvent),
    { name: 'audience', init: (handle) => void all.promise.then(() => handle.requestStop()) },
    new PublisherWorker(q, events),
  ])
  // Each hears the events in order; who hears one first is nobody's promise.
  return ['greeter', 'auditor', 'cleaner'].flatMap((name) => heard.filter((line) => line.startsWith(name)))
}

async function emptyFolder(q: Client, name: string): Promise<Entity> {
  const root = await q.root()
  for await (const child of q.children(root)) if (child.name === name) await q.delete(child)
  return q.create('Folder', { parent: root, name })
}
