// A browser resumes Server-Sent Events by itself. Over a WebSocket a page keeps the position, and resumes with it.
const subscription = { entityType: 'BrowserLamp', fields: ['Level'] }
const element = (id) => document.getElementById(id)

function show(list, { revision, notifications }) {
  for (const { current, previous } of notifications) {
    const line = document.createElement('li')
    line.textContent = `revision ${revision}: ${previous?.value.int ?? '-'} → ${current.value.int}`
    element(list).prepend(line)
  }
}

function watchByEvents() {
  const source = new EventSource(`/stream/watch?subscription=${encodeURIComponent(JSON.stringify(subscription))}`)
  source.addEventListener('open', () => (element('events-state').textContent = 'live'))
  source.addEventListener('error', () => (element('events-state').textContent = 'connecting'))
  source.addEventListener('message', ({ data }) => {
    const { notifications } = JSON.parse(data)
    if (notifications !== undefined) show('events', notifications)
  })
}

let position = {}

function watchBySocket() {
  const socket = new WebSocket(`${location.origin.replace('http', 'ws')}/stream`, 'qcore.v1.json')
  let isHeard = true
  socket.addEventListener('open', () =>
    socket.send(JSON.stringify({ id: 'lamps', watch: { subscriptions: [subscription], ...position } })),
  )
  socket.addEventListener('message', ({ data }) => {
    isHeard = true
    const { watch, end } = JSON.parse(data)
    if (watch?.live !== undefined) {
      element('socket-state').textContent = 'live'
      position = { resumeAfter: watch.live.revision, logId: watch.live.logId }
    }
    if (watch?.progress !== undefined) position.resumeAfter = watch.progress.revision
    if (watch?.notifications !== undefined) {
      show('socket', watch.notifications)
      if (!watch.notifications.more) position.resumeAfter = watch.notifications.revision
    }
    if (end === undefined) return
    // From the revision that was handled last, or, where the history is gone, from now on.
    if (end.resumeAfter === undefined) position = {}
    socket.close()
  })
  // A heartbeat comes every 20 seconds when nothing else does.
  const watching = setInterval(() => {
    if (!isHeard) socket.close()
    isHeard = false
  }, 45_000)
  socket.addEventListener('close', () => {
    clearInterval(watching)
    element('socket-state').textContent = 'connecting'
    setTimeout(watchBySocket, 1_000)
  })
}

async function writeLevel({ target }) {
  const field = { entityId: target.dataset.lamp, field: 'Level', value: { int: target.value } }
  const answer = await fetch('/qcore.store.v1.CommitService/Commit', {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ mutations: [{ writeField: field }] }),
  })
  const { revision, message } = await answer.json()
  element('written').textContent = revision === undefined ? message : `written as revision ${revision}`
}

element('level').addEventListener('input', (event) => void writeLevel(event))
element('level').dataset.lamp = await (await fetch('/lamp')).text()
watchByEvents()
watchBySocket()
