import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import path from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, beforeAll, describe, expect, inject, it } from 'vitest'
import { startSystem, type TestSystem } from './_store.ts'
import { terminal, type Outcome, type TerminalOptions } from './_terminal.ts'

let system: TestSystem
let folder = ''
let env: Record<string, string> = {}

const deviceSchema = {
  type: 'Device',
  fields: {
    Status: { type: 'Choice', choices: ['OFF', 'ON'] },
    Level: { type: 'Int', default: '3' },
    Weight: 'Float',
    Done: 'Bool',
    Owner: 'EntityReference',
    SeenAt: 'Timestamp',
    Parts: 'EntityList',
    Picture: 'BinaryFile',
    Label: 'String',
    Scale: 'Transformation',
  },
}

beforeAll(async () => {
  system = await startSystem()
  folder = await mkdtemp(path.join(tmpdir(), 'qcore-cli-'))
  env = { Q_URL: system.url, Q_TOKEN: system.token }
  await writeFile(path.join(folder, 'device.json'), JSON.stringify(deviceSchema))
  await writeFile(path.join(folder, 'picture.bin'), new Uint8Array([1, 2, 3]))
  await ok('schema', 'set', 'device.json')
  await qcore(['schema', 'set', '-'], { input: '{"type": "Room", "fields": {}}' })
  await ok('create', 'Room', '/', 'Attic', '--id', 'attic')
  await ok('create', 'Device', '/Attic', 'Lamp', '--id', 'lamp', '--field', 'Status=ON', '--field', 'Level=5')
  await ok('create', 'Device', 'attic', 'Fan', '--id', 'fan', '--field', 'Owner=/Attic/Lamp')
}, 30_000)

afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await system[Symbol.asyncDispose]()
})

const qcore = (argv: readonly string[], options: TerminalOptions = {}): Promise<Outcome> =>
  terminal(argv, { env, folder, ...options })

/** The output of a command that has to work, without the last line end. */
async function ok(...argv: string[]): Promise<string> {
  const { code, out, err } = await qcore(argv)
  expect({ code, err }).toEqual({ code: 0, err: '' })
  return out.trimEnd()
}

const json = async (...argv: string[]): Promise<unknown> => JSON.parse(await ok(...argv, '--json'))

describe('query', () => {
  const text = `SELECT Level, Parent->Name, Owner->Name FROM Device WHERE Level >= 3 ORDER BY Level DESC`

  it('shows what was selected, in columns', async () => {
    expect(await ok('query', text)).toBe(
      [
        'id    name  Level  Parent->Name  Owner->Name',
        'lamp  Lamp  5      Attic         ',
        'fan   Fan   3      Attic         Lamp',
      ].join('\n'),
    )
    expect(await ok('query', `FROM Device WHERE Level = 77`)).toBe('')
  })

  it('counts, and explains', async () => {
    expect(await ok('query', '--count', text)).toBe('2')
    expect(await ok('query', `SELECT COUNT(*) FROM Device WHERE Name = 'Lamp'`)).toBe('1')
    expect(await json('query', '--count', text)).toEqual({ count: 2 })
    expect(await ok('query', '--explain', text)).toContain('indexes: ')
    expect(await json('query', '--explain', text)).toMatchObject({ text, unindexed: [] })
  })

  it('shows what was found at a moment', async () => {
    const { createdRevision } = (await json('get', 'fan')) as { createdRevision: number }
    expect(await ok('query', 'SELECT COUNT(*) FROM Device', '--at', `${createdRevision - 1}`)).toBe('1')
    expect(await ok('query', 'FROM Device', '--at', `${createdRevision - 1}`)).toBe('id    name\nlamp  Lamp')
  })

  it('writes one JSON document an entity', async () => {
    const lines = (await ok('query', text, '--json')).split('\n').map((line) => JSON.parse(line) as unknown)
    expect(lines).toMatchObject([{ id: 'lamp', fields: { Level: { value: '5' } } }, { id: 'fan' }])
  })

  it('says where the text is wrong', async () => {
    const { code, err } = await qcore(['query', 'FROM Device WHERE Level ='])
    expect(code).toBe(2)
    expect(err).toContain('line 1, column 26: expected a value, found the end')
  })
})

describe('tree', () => {
  it('shows what is below an entity', async () => {
    expect(await ok('tree', 'attic')).toBe(
      ['Attic  (Room attic)', '├── Fan  (Device fan)', '└── Lamp  (Device lamp)'].join('\n'),
    )
    expect(await ok('tree', '/Attic', '--depth', '0')).toBe('Attic  (Room attic)')
  })

  it('shows the whole store from the root, as one document', async () => {
    const tree = (await json('tree')) as { parentId: string; children: { name: string; children: unknown[] }[] }
    expect(tree.parentId).toBe('')
    expect(tree.children.find(({ name }) => name === 'Attic')?.children).toHaveLength(2)
  })
})

describe('schema alter, delete and versions', () => {
  it('change a type step by step, after they have shown what would change', async () => {
    await qcore(['schema', 'set', '-'], { input: '{"type": "Tank", "fields": {"Level": "Int", "Label": "String"}}' })
    await ok('create', 'Tank', '/', 'T', '--id', 'tank', '--field', 'Label=x')
    const steps = ['rename Level Height', 'retype Height Float', 'add Mode Choice OFF,ON', 'order Mode,Label,Height']
    const plan = await ok('schema', 'alter', 'Tank', ...steps, '--dry-run')
    expect(plan).toMatch(/1 entity\n.*Mode +added +1 value\n.*Level → Height +retyped +1 value\n.*nothing stands in/s)
    expect(await ok('schema', 'get', 'Tank')).toMatch(/Level +Int/)
    expect(await ok('schema', 'alter', 'Tank', ...steps)).toMatch(/^revision \d+$/)
    expect((await ok('schema', 'get', 'Tank')).split('\n').map((line) => line.split(/ +/)[0])).toEqual([
      'Mode',
      'Label',
      'Height',
    ])
    expect(await ok('schema', 'alter', 'Tank', 'retype Label Int', '--dry-run')).toContain('tank.Label')
    const incomplete = await qcore(['schema', 'alter', 'Tank', 'order Mode,Height'])
    expect(incomplete).toMatchObject({ code: 2, err: expect.stringContaining('Label is missing') as string })
    const refused = await qcore(['schema', 'alter', 'Tank', 'retype Label Int'])
    expect(refused).toMatchObject({ code: 6, err: expect.stringContaining('tank.Label') as string })
    expect(await json('schema', 'alter', 'Tank', 'add Note {"type":"String","default":"none"}')).toMatchObject({
      type: 'Tank',
    })
    expect(await ok('get', 'tank', 'Note')).toBe('none')
  })

  it('refuse what is no step, and a type that is in use', async () => {
    for (const step of ['grow Level', 'add Level', 'rename Level', 'retype Level Integer', 'children many']) {
      expect(await qcore(['schema', 'alter', 'Tank', step])).toMatchObject({ code: 2 })
    }
    expect(await qcore(['schema', 'delete', 'Tank'])).toMatchObject({ code: 6 })
    await ok('delete', 'tank')
    await ok('schema', 'delete', 'Tank')
    expect(await ok('log', '--limit', '1')).toContain('type Tank was deleted')
    expect(await ok('history', 'tank')).toMatch(/type Tank got Mode, Height, lost Level/)
    expect(await ok('history', 'tank', '--field', 'Level')).toMatch(/created T/)
    const versions = (await json('schema', 'versions', 'Tank')) as { replacedRevision: number | null }[]
    expect(versions).toHaveLength(3)
    expect(await ok('schema', 'versions', 'Tank')).toMatch(/^\d+ +until \d+ +Level, Label\n/)
  })
})

describe('rename and move', () => {
  it('give an entity another name, another parent and another place', async () => {
    await qcore(['schema', 'set', '-'], { input: '{"type": "Shelf", "fields": {}, "childOrder": "explicit"}' })
    await ok('create', 'Shelf', '/', 'Shelf', '--id', 'shelf')
    await ok('create', 'Room', '/Shelf', 'A', '--id', 'a')
    await ok('create', 'Room', '/Shelf', 'B', '--id', 'b', '--before', '/Shelf/A')
    expect(await ok('rename', 'b', 'Bee')).toMatch(/^revision \d+$/)
    expect(await ok('tree', 'shelf')).toBe(['Shelf  (Shelf shelf)', '├── Bee  (Room b)', '└── A  (Room a)'].join('\n'))
    await ok('move', '/Shelf/A', '--before', 'b')
    await ok('create', 'Room', '/', 'C', '--id', 'c')
    expect(await json('move', 'c', '/Shelf', '--before', 'b')).toMatchObject({ entityId: 'c' })
    expect(await ok('tree', 'shelf')).toMatch(/A  .*\n.*C  .*\n.*Bee  /)
    const { code, err } = await qcore(['move', 'shelf', 'a'])
    expect({ code, err }).toMatchObject({ code: 6, err: expect.stringContaining('cycle') as string })
    await ok('delete', 'shelf', '--recursive')
  })
})

describe('get and set', () => {
  it('show an entity with its fields', async () => {
    const shown = await ok('get', 'lamp')
    expect(shown).toContain('Lamp  (Device lamp)')
    expect(shown).toMatch(/Status +Choice +ON +\d{4}-.*Z ada/)
    expect(await json('get', '/Attic/Lamp')).toMatchObject({
      id: 'lamp',
      parentId: 'attic',
      fields: { Level: { type: 'Int', value: '5', writer: 'ada' } },
    })
  })

  it('show the bare value of one field, and those of several by name', async () => {
    expect(await ok('get', 'lamp', 'Level')).toBe('5')
    expect(await ok('get', 'fan', 'Owner->Name', 'Level')).toBe('Owner->Name  Lamp\nLevel        3')
    expect(await json('get', 'fan', 'Owner->Name')).toMatchObject({
      'Owner->Name': { entityId: 'lamp', value: 'Lamp' },
    })
  })

  it.each([
    ['Level', '-9223372036854775808', '-9223372036854775808'],
    ['Weight', '1e300', '1e+300'],
    ['Weight', 'NaN', 'NaN'],
    ['Done', 'true', 'true'],
    ['Status', 'OFF', 'OFF'],
    ['Label', 'two words', 'two words'],
    ['Owner', '/Attic/Fan', 'fan'],
    ['Owner', '', ''],
    ['SeenAt', '2026-11-21T10:00:00.123456Z', '2026-11-21T10:00:00.123456Z'],
    ['Parts', 'lamp,/Attic/Fan', 'lamp,fan'],
    ['Picture', '@picture.bin', '<application/octet-stream, 3 bytes>'],
  ])('write %s %o', async (field, given, shown) => {
    expect(await ok('set', 'lamp', field, given)).toMatch(/^revision \d+$/)
    expect(await ok('get', 'lamp', field)).toBe(shown)
  })

  it('write by a path, and tell what was written', async () => {
    await ok('set', 'fan', 'Owner', 'lamp')
    const set = await json('set', '/Attic/Fan', 'Owner->Weight', '5')
    expect(set).toMatchObject({ changed: true, entityId: 'lamp', field: 'Weight' })
    expect(await ok('get', 'lamp', 'Weight')).toBe('5')
  })

  it('set the expression of a transformation, and feed it', async () => {
    await ok('set', 'lamp', 'Scale', '{"Level": value * 2}')
    expect(await ok('set', 'lamp', 'Scale', '21', '--as', 'Int')).toMatch(/^revision \d+$/)
    expect(await ok('get', 'lamp', 'Level')).toBe('42')
    expect(await ok('get', 'lamp', 'Scale')).toBe('{"Level": value * 2}')
    expect(await qcore(['set', 'lamp', 'Scale', 'x', '--as', 'String'])).toMatchObject({ code: 6 })
    expect(await qcore(['set', 'lamp', 'Scale', 'value *'])).toMatchObject({ code: 2 })
    expect(await qcore(['set', 'lamp', 'Scale', '1', '--as', 'Number'])).toMatchObject({ code: 2 })
  })

  it('leave a field alone if asked so', async () => {
    await ok('set', 'fan', 'Level', '8')
    expect(await ok('set', 'fan', 'Level', '8', '--if-changed')).toBe('unchanged')
    expect(await json('set', 'fan', 'Level', '8', '--if-changed')).toMatchObject({ changed: false, time: null })
    expect(await json('set', 'fan', 'Level', '8')).toMatchObject({ changed: true, entityId: 'fan', field: 'Level' })
  })

  it.each([
    ['Level', '1.5'],
    ['Weight', ''],
    ['Done', 'yes'],
    ['Status', 'BROKEN'],
    ['SeenAt', 'tomorrow'],
    ['Picture', 'picture.bin'],
  ])('refuse %s %o', async (field, given) => {
    const { code, err } = await qcore(['set', 'lamp', field, given])
    expect(code).toBe(2)
    expect(err).toMatch(/^qcore: \w+: .*\n$/)
  })

  it('do not let a value drive the terminal', async () => {
    await ok('set', 'lamp', 'Label', '\u001b[31mred\nline')
    expect(await ok('get', 'lamp', 'Label')).toBe('\\x1b[31mred\\nline')
    expect(await json('get', 'lamp', 'Label')).toMatchObject({ Label: { value: '\u001b[31mred\nline' } })
  })
})

describe('create and delete', () => {
  it('print the id, and take children along only if asked to', async () => {
    const parent = await ok('create', 'Room', '/', 'Cellar')
    const { id } = (await json('create', 'Device', parent, 'Pump')) as { id: string }
    const refused = await qcore(['delete', '/Cellar'])
    expect(refused).toMatchObject({ code: 2, out: '' })
    expect(refused.err).toContain('--recursive')
    expect(await json('delete', '/Cellar', '-r')).toMatchObject({ entityId: parent })
    expect((await qcore(['get', id])).code).toBe(3)
  })

  it('refuse a path that names two entities', async () => {
    const parent = await ok('create', 'Room', '/', 'Twins')
    await ok('create', 'Room', parent, 'Same')
    await ok('create', 'Room', parent, 'Same')
    const { code, err } = await qcore(['get', '/Twins/Same'])
    expect(code).toBe(2)
    expect(err).toContain('invalid_path')
  })
})

describe('find', () => {
  beforeAll(async () => {
    for (const level of [101, 102, 103]) {
      await ok('create', 'Device', 'attic', `find${level}`, '--id', `find${level}`, '--field', `Level=${level}`)
    }
  })

  it('shows what compares so, in order, with the fields selected', async () => {
    const found = await ok(
      'find',
      'Device',
      '--where',
      'Level>100',
      '--where',
      'Level<=102',
      '--order',
      '-Level',
      '--select',
      'Level',
    )
    expect(found).toBe('find102  find102  102\nfind101  find101  101')
    expect(await ok('find', 'Device', '--where', 'Level > 100', '--order', 'Level', '--limit', '1')).toBe(
      'find101  find101',
    )
    expect(await ok('find', 'Device', '--where', 'Label=nowhere')).toBe('')
  })

  it('writes a line of JSON an entity', async () => {
    const lines = (await ok('find', 'Device', '--where', 'Level>=102', '--select', 'Level', '--json')).split('\n')
    expect(lines.map((line) => JSON.parse(line) as unknown)).toMatchObject([
      { id: 'find102', fields: { Level: { value: '102' } } },
      { id: 'find103', fields: { Level: { value: '103' } } },
    ])
  })

  it.each([[['--where', 'Level']], [['--where', 'Level=1', '--where', 'Level=2']], [['--limit', 'x']]])(
    'refuses %j',
    async (options) => {
      expect((await qcore(['find', 'Device', ...options])).code).toBe(2)
    },
  )
})

describe('schema', () => {
  it('lists types, and gives one in the form in which it is set', async () => {
    expect((await ok('schema', 'list')).split('\n')).toEqual(expect.arrayContaining(['Device', 'Room']))
    expect(await ok('schema', 'get', 'Device')).toMatch(/Status +Choice OFF\|ON/)
    const schema = await json('schema', 'get', 'Device')
    expect(schema).toMatchObject({ type: 'Device', fields: { Level: { type: 'Int', default: '3' } } })
    const set = await qcore(['schema', 'set', '-', '--json'], { input: JSON.stringify(schema) })
    expect(set).toMatchObject({ code: 0, err: '' })
  })

  it.each([
    'nonsense',
    '[]',
    '{"fields": {}}',
    '{"type": "T", "fields": {"A": "Integer"}}',
    '{"type":"T","fields":{"A":{"type":"Int","default":[]}}}',
  ])('refuses %o', async (input) => {
    expect(await qcore(['schema', 'set', '-'], { input })).toMatchObject({ code: 2, out: '' })
  })

  it('tells that a change was refused', async () => {
    const input = '{"type": "Device", "fields": {}}'
    const { code, err } = await qcore(['schema', 'set', '-'], { input })
    expect(code).toBe(6)
    expect(err).toContain('schema_change_refused')
  })
})

describe('watch', () => {
  it('shows changes with their context until it has seen enough', async () => {
    const shown = qcore(['watch', 'Device', 'Level', '--context', 'Name', '--context', 'Owner->Name', '--count', '2'])
    const json = qcore(['watch', '/Attic/Lamp', 'Level', '--context', 'Owner->Name', '--count', '1', '--json'])
    const done = Promise.all([shown, json])
    let level = 1_000
    const stop = setInterval(() => void qcore(['set', 'lamp', 'Level', `${(level += 1)}`]), 100)
    try {
      const [people, program] = await done
      expect(people.code).toBe(0)
      expect(people.out.split('\n')[0]).toMatch(/Z  lamp  Level  \S+ → 10\d\d  Name=Lamp  Owner->Name=<\w+>$/)
      expect(JSON.parse(program.out)).toMatchObject({
        entityId: 'lamp',
        name: 'Level',
        current: { type: 'Int' },
        context: { 'Owner->Name': { problem: { code: expect.any(String) } } },
      })
    } finally {
      clearInterval(stop)
    }
  })

  it('shows what happened after a revision', async () => {
    const { revision } = (await json('set', 'fan', 'Level', '1')) as { revision: number }
    await ok('set', 'fan', 'Level', '2')
    const { out } = await qcore(['watch', 'fan', 'Level', '--after', `${revision}`, '--count', '1'])
    expect(out).toContain('1 → 2')
  })

  it('ends quietly with its signal', async () => {
    const controller = new AbortController()
    const onOutput = (): void => controller.abort()
    const watching = qcore(['watch', 'fan', 'Level', '--after', '1'], { signal: controller.signal, onOutput })
    expect(await watching).toMatchObject({ code: 0, err: '' })
  })

  it('shows structure, schemas, and what a filter lets pass', async () => {
    const { revision } = (await json('set', 'fan', 'Level', '1')) as { revision: number }
    await ok('create', 'Device', '/', 'Passing', '--id', 'passing', '--field', 'Level=7')
    await ok('rename', 'passing', 'Passed')
    const after = ['--after', `${revision}`, '--count']
    const structure = ['--structure', 'created', '--structure', 'renamed']
    const shown = await qcore(['watch', 'Device', ...structure, ...after, '2'])
    expect(shown.out).toMatch(
      /passing  created  Device Passing in \S+\n.*passing  renamed  Device Passing in .* → Device Passed/,
    )
    const filtered = await qcore(['watch', 'Device', 'Level', '--filter', 'current == 7', ...after, '1', '--json'])
    expect(JSON.parse(filtered.out)).toMatchObject({ entityId: 'passing', current: { value: '7' } })
    await ok('schema', 'alter', 'Device', 'add Shade String')
    await ok('schema', 'alter', 'Device', 'remove Shade')
    const schemas = await qcore(['watch', '--schema', ...after, '2'])
    expect(schemas.out).toMatch(/type Device  changed\n.*type Device  changed\n$/)
  })

  it('shows what a query finds, and its changes, and what is at the end of a path', async () => {
    const text = `SELECT Level FROM Device WHERE Name = 'Followed'`
    const followed = await json('create', 'Device', '/', 'Followed', '--id', 'followed')
    const { createdRevision } = followed as { createdRevision: number }
    await ok('set', 'followed', 'Level', '12')
    await ok('delete', 'followed')
    const after = ['--after', `${createdRevision}`, '--count']
    const { out } = await qcore(['watch', '--query', text, ...after, '3'])
    expect(out).toMatch(
      /^result  \+ 0  followed  Followed  Level=3\n.*~ 0  followed  Followed  Level=12\n.*- 0  followed\n$/,
    )
    const changes = await qcore(['watch', '--query', text, '--no-initial', '--json', ...after, '1'])
    expect(JSON.parse(changes.out)).toMatchObject({ kind: 'change', entity: { fields: { Level: { value: '12' } } } })
    const path = (await json('set', 'lamp', 'Owner', 'fan')) as { revision: number }
    await ok('rename', 'fan', 'Fan again')
    const ends = await qcore(['watch', 'lamp', 'Owner->Name', '--after', `${path.revision}`, '--count', '1'])
    expect(ends.out).toMatch(/lamp  Owner->Name  \S+ → Fan again$/m)
    await ok('rename', 'fan', 'Fan')
  })

  it('refuses fields and structure at once, and an event that there is not', async () => {
    expect((await qcore(['watch', 'Device', 'Level', '--structure', 'created'])).err).toContain('either fields or')
    expect((await qcore(['watch', 'Device', '--structure', 'exploded'])).err).toContain('It is one of')
  })

  it('refuses what is neither a type nor an entity', async () => {
    expect((await qcore(['watch', 'nobody', 'Level'])).code).toBe(3)
  })
})

describe('token and status', () => {
  it('mint with the master token, and verify', async () => {
    const minted = await qcore([
      'token',
      'mint',
      'bob',
      '--level',
      'write',
      '--scope',
      `store:${system.store}`,
      '--token',
      system.masterToken,
    ])
    expect(minted.code).toBe(0)
    expect(await json('token', 'verify', minted.out.trim())).toMatchObject({ subject: 'bob', level: 'write' })
    expect(await ok('token', 'verify')).toMatch(/subject +ada/)
    expect((await qcore(['token', 'verify', 'x.y.z'])).code).toBe(5)
    expect((await qcore(['token', 'mint', 'bob'])).code).toBe(5)
    expect((await qcore(['token', 'mint', 'bob', '--level', 'god'])).code).toBe(2)
  })

  it('show the state of the store', async () => {
    expect(await json('status')).toMatchObject({ store: system.store, revision: expect.any(Number) })
    expect(await ok('status')).toMatch(/^store +test_/)
  })
})

describe('permissions', () => {
  const mint = async (...options: string[]): Promise<string> =>
    (await qcore(['token', 'mint', 'bob', ...options, '--token', system.masterToken])).out.trim()

  it('are set with a schema, stay, and hold for tokens', async () => {
    const person = {
      type: 'Person',
      permissions: { read: ['staff'], write: ['hr'] },
      fields: { Phone: 'String', Salary: { type: 'Int', permissions: { read: ['pay'], write: ['pay'] } } },
    }
    const set = (schema: object) => qcore(['schema', 'set', '-'], { input: JSON.stringify(schema) })
    expect(await set(person)).toMatchObject({ code: 0 })
    expect(await set({ type: 'Person', fields: { Phone: 'String', Salary: 'Int' } })).toMatchObject({ code: 0 })
    expect(await json('schema', 'get', 'Person')).toMatchObject({
      permissions: person.permissions,
      fields: { Phone: { permissions: { read: [], write: [] } }, Salary: { permissions: { read: ['pay'] } } },
    })
    await ok('create', 'Person', '/Attic', 'Ada', '--id', 'ada', '--field', 'Phone=123')
    const desk = await mint('--scope', 'permission:staff')
    const payroll = await mint('--level', 'write', '--scope', 'permission:staff', '--scope', 'permission:pay')
    const nobody = await mint()
    expect(await ok('get', 'ada', 'Phone', '--token', desk)).toBe('123')
    expect(await ok('get', 'ada', '--token', desk)).not.toContain('Salary')
    expect(await qcore(['get', 'ada', 'Salary', '--token', desk])).toMatchObject({ code: 3 })
    expect(await ok('get', 'ada', 'Salary', '--token', payroll)).toBe('0')
    expect(await qcore(['set', 'ada', 'Salary', '5', '--token', payroll])).toMatchObject({ code: 5 })
    expect(await qcore(['get', 'ada', '--token', nobody])).toMatchObject({ code: 3 })
    expect(await ok('tree', 'attic', '--token', nobody)).not.toContain('Ada')
    const bad = { type: 'Person', permissions: { read: 'staff' }, fields: {} }
    expect(await set(bad)).toMatchObject({ code: 2, err: expect.stringContaining('permissions.read') })
    await ok('delete', 'ada')
  })
})

describe('the store', () => {
  it('is found by options, before the environment', async () => {
    const servers = inject('natsUrl')
    const options = ['--servers', servers, '--store', system.store, '--token', system.token]
    expect((await terminal(['get', 'fan', 'Name', ...options], { env: { Q_URL: 'http://127.0.0.1:1' } })).out).toBe(
      'Fan\n',
    )
    const both = await terminal(['status', '--url', system.url, ...options])
    expect(both.code).toBe(2)
  })

  it('is found over NATS by the environment', async () => {
    const overNats = { Q_NATS_ADDR: inject('natsUrl'), Q_STORE: system.store, Q_TOKEN: system.token, Q_URL: '' }
    expect((await terminal(['get', 'fan', 'Name'], { env: overNats })).out).toBe('Fan\n')
  })

  it('is the one that was started in a folder above', async () => {
    const below = path.join(folder, 'a/b')
    await mkdir(below, { recursive: true })
    await mkdir(path.join(folder, '.qcore'))
    const file = path.join(folder, '.qcore/client.json')
    await writeFile(file, JSON.stringify({ url: system.url, token: system.token }))
    expect((await terminal(['get', 'fan', 'Name'], { folder: below })).out).toBe('Fan\n')
    const elsewhere = { folder: path.parse(folder).root, env: { Q_DATA_DIR: path.dirname(file) } }
    expect((await terminal(['get', 'fan', 'Name'], elsewhere)).out).toBe('Fan\n')
    const nowhere = { folder: below, env: { Q_DATA_DIR: path.join(folder, 'other') } }
    expect((await terminal(['status'], nowhere)).code).toBe(2)
    await writeFile(file, 'nonsense')
    expect((await terminal(['status'], { folder: below })).code).toBe(2)
    await rm(file)
    const { code, err } = await terminal(['status'], { folder: below })
    expect(code).toBe(2)
    expect(err).toContain('npm start')
  })
})

describe('a failure', () => {
  it.each([
    [['get', 'nobody'], 3, 'unknown_entity'],
    [['get', '/Attic/Nobody'], 3, 'unknown_entity'],
    [['set', 'lamp', 'Nothing', '1'], 3, 'unknown_field'],
    [['set', 'fan', 'Owner->Nothing', '1'], 3, 'unknown_field'],
    [['find', 'Nothing'], 3, 'unknown_type'],
    [['create', 'Device', 'attic', 'again', '--id', 'lamp'], 6, 'entity_exists'],
    [['create', 'Device', 'attic', 'x', '--field', 'Level'], 2, 'invalid_request'],
    [['get'], 2, 'missing required argument'],
    [['tree', '--depth', 'x'], 2, 'number of levels'],
    [['nothing'], 2, 'unknown command'],
    [['get', 'lamp', '--timeout', '0'], 2, 'number of seconds'],
  ] as const)('of %j ends with %i and says why', async (argv, code, reason) => {
    const outcome = await qcore(argv)
    expect(outcome.code).toBe(code)
    expect(outcome.out).toBe('')
    expect(outcome.err).toContain(reason)
  })

  it('to reach the store, or to be let in, has a code of its own', async () => {
    const away = await terminal(['status', '--timeout', '0.2'], { env: { Q_URL: 'http://127.0.0.1:1' } })
    expect(away.code).toBe(4)
    expect((await qcore(['status'], { env: { Q_URL: system.url, Q_TOKEN: 'x' } })).code).toBe(5)
  })

  it('is none when help is asked for', async () => {
    for (const argv of [['--help'], ['find', '--help'], ['help', 'token']]) {
      const { code, out, err } = await qcore(argv)
      expect({ code, err }).toEqual({ code: 0, err: '' })
      expect(out).toContain('Usage:')
    }
  })
})

describe('the program', () => {
  const main = new URL('../src/main.ts', import.meta.url).pathname
  const start = (...argv: string[]) =>
    spawn(process.execPath, [main, ...argv], { env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })

  it('writes data to the standard output only, and exits with the code', async () => {
    const child = start('get', 'fan', 'Name')
    const [out, err, [code]] = await Promise.all([text(child.stdout), text(child.stderr), once(child, 'exit')])
    expect({ out, err, code }).toEqual({ out: 'Fan\n', err: '', code: 0 })
  })

  it('ends cleanly with Ctrl-C', async () => {
    const child = start('watch', 'fan', 'Level', '--after', '1')
    const error = text(child.stderr)
    await once(child.stdout, 'data')
    child.kill('SIGINT')
    const [code] = await once(child, 'exit')
    expect({ code, error: await error }).toEqual({ code: 130, error: '' })
  })

  it('ends quietly when nobody reads on', async () => {
    const child = start('watch', 'fan', 'Level', '--every')
    const error = text(child.stderr)
    const exited = once(child, 'exit')
    child.stdout.destroy()
    let level = 0
    const stop = setInterval(() => void qcore(['set', 'fan', 'Level', `${(level += 1)}`]), 100)
    const [code] = await exited.finally(() => clearInterval(stop))
    expect({ code, error: await error }).toEqual({ code: 0, error: '' })
  })
})
