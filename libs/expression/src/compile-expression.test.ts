import { describe, expect, it } from 'vitest'
import { compileExpression, type ExpressionInputs } from './compile-expression.ts'
import { CostMeter } from './cost-meter.ts'
import { expressionLimits } from './limits.ts'

const options = { variables: ['value'], withPaths: true }

function run(text: string, inputs: Partial<ExpressionInputs> = {}): unknown {
  const result = compileExpression(text, options).evaluate({ variables: { value: 7n }, ...inputs })
  return typeof result === 'object' && result !== null && Symbol.iterator in result ? [...result] : result
}

function errorOf(work: () => unknown): { code: string; message: string; metadata: Record<string, string> } {
  try {
    work()
  } catch (error) {
    return error as never
  }
  throw new Error('nothing was thrown')
}

describe('compiling', () => {
  it.each([
    ['[1,\n  2 2]', '2', '5', 'found 2'],
    ['value +\n\nmissing', '3', '1', 'there is no variable missing'],
    ['foo(1)', '1', '1', 'there is no function foo with 1 argument'],
    ['now()', '1', '1', 'there is no function now'],
    ['value.format([1])', '1', undefined, 'there is no method format'],
    ['timestamp("2026-01-01T00:00:00Z").getHours("Europe/Berlin")', '1', undefined, 'there is no method getHours'],
    ['google.protobuf.Timestamp{seconds: 1}', '1', undefined, 'messages cannot be made'],
    ['entity', '1', '1', 'entity must be followed by a field'],
    ['entity["A"]', '1', '1', 'entity must be followed by a field'],
    ['ref("A")', '1', '1', 'ref must be followed by a field'],
    ['ref(value).A', '1', '1', 'ref takes one path'],
    ['ref("A-> B").C', '1', undefined, 'empty or padded step'],
    ['ref("A->B->C->D->E->F->G->H").I', '1', undefined, 'more than 8 steps'],
    ['[1].map(value, 1)', '1', undefined, 'value has a meaning already'],
    ['[1].map(entity, 1)', '1', undefined, 'entity has a meaning already'],
    ['9223372036854775808', '1', '1', 'does not fit into 64 bits'],
    ['18446744073709551616u', '1', '1', 'does not fit into 64 bits'],
    ['"\\ud800"', undefined, undefined, 'surrogate'],
    ['', '1', '1', 'found'],
  ])('refuses %j and tells where', (text, line, column, message) => {
    const error = errorOf(() => compileExpression(text, options))
    expect(error).toMatchObject({ code: 'invalid_expression' })
    expect(error.message).toContain(message)
    expect(error.metadata['line']).toBe(line)
    if (column !== undefined) expect(error.metadata['column']).toBe(column)
  })

  it.each([
    ['characters', `${' '.repeat(expressionLimits.characters)}1`, 'at most 4096 characters'],
    ['brackets', `${'('.repeat(33)}1${')'.repeat(33)}`, 'nests at most 32 brackets'],
    ['conditions', `${'true ? 1 : '.repeat(33)}1`, 'nests at most 32 brackets'],
    ['operations', `1${'+1'.repeat(300)}`, 'nests at most 250 operations'],
    ['parts', `[${'1,'.repeat(1_000)}1]`, 'at most 1000 parts'],
    ['entries', `{${Array.from({ length: 101 }, (_, key) => `${key}: 1`).join()}}`, 'at most 100 entries'],
    ['paths', Array.from({ length: 33 }, (_, key) => `entity.A${key}`).join('+'), 'at most 32 different fields'],
  ])('bounds the %s of an expression', (_name, text, message) => {
    expect(errorOf(() => compileExpression(text, options))).toMatchObject({
      code: 'invalid_expression',
      message: expect.stringContaining(message),
    })
  })

  it('tells which paths are read, and which keys are written', () => {
    const text = '{"Parent->Total": entity.A + parent.B, "C": has(ref("X->Y").Z) ? ref("X->Y").Z : entity.A}'
    const expression = compileExpression(text, options)
    expect([...expression.paths].sort()).toEqual(['A', 'Parent->B', 'X->Y->Z'])
    expect(expression.mapKeys).toEqual(['Parent->Total', 'C'])
  })

  it('offers no paths where there are no fields', () => {
    const error = errorOf(() => compileExpression('entity.A', { variables: [], withPaths: false }))
    expect(error.message).toContain('there is no variable entity')
  })
})

describe('evaluating', () => {
  it.each<[string, unknown]>([
    ['value + 1', 8n],
    ['9223372036854775807', 2n ** 63n - 1n],
    ['[1, 2, 3].filter(x, x > 1).map(x, x * 2)', [4n, 6n]],
    ['[1, 2, 3].map(x, x > 1, x * 2)', [4n, 6n]],
    ['[[1], [2, 3]].map(x, x.map(y, y + 1)).map(x, size(x))', [1n, 2n]],
    ['[1, 2].all(x, x > 0) && [1, 2].exists(x, x == 2) && [1, 2].exists_one(x, x == 2)', true],
    ['[1] + [2]', [1n, 2n]],
    ['size("a😀b")', 3n],
    ['"a😀b".size()', 3n],
    ['"a-b-c".replace("-", "+")', 'a+b+c'],
    ['"a-b-c".replace("-", "+", 1)', 'a+b-c'],
    ['["a", "b"].join("-") + "x,y".split(",")[1]', 'a-by'],
    ['int("12") + int("-2")', 10n],
    ['double("1.5e3")', 1500],
    ['int(timestamp(60))', 60n],
    ['timestamp("2026-03-29T02:30:00.123456Z").getHours()', 2n],
    ['timestamp("2026-03-01T00:00:00Z").getDayOfYear()', 59n],
    ['timestamp("1969-12-31T23:59:59.5Z").getMilliseconds()', 500n],
    ['type(value) == int', true],
    ['"abc".matches("^a.c$")', true],
    ['{"a": 1}.a', 1n],
  ])('%s', (text, expected) => {
    expect(run(text)).toEqual(expected)
  })

  it.each([
    ['1 / 0', 'divide by zero'],
    ['9223372036854775807 + 1', 'overflow'],
    ['"a" + 1', 'no matching overload'],
    ['int("0x10")', 'is no whole number'],
    ['int("")', 'is no whole number'],
    ['double("1,5")', 'is no number'],
    ['"a".replace("", "b")', 'is empty'],
    ['[1][2]', 'out of bounds'],
    ['{"a": 1}.b', 'field not found'],
    [`"a".matches("${'a'.repeat(300)}")`, 'at most 256 characters'],
  ])('fails on %s and tells where', (text, message) => {
    const error = errorOf(() => run(text))
    expect(error).toMatchObject({ code: 'expression_failed', metadata: { line: '1' } })
    expect(error.message).toContain(message)
  })

  it('reads a path when its value is needed, and once', () => {
    const read: string[] = []
    const readPath = (path: string): { value: bigint } => (read.push(path), { value: 2n })
    expect(run('entity.A + entity.A + (value == 7 ? 0 : parent.B)', { readPath })).toBe(4n)
    expect(read).toEqual(['A'])
  })

  it('fails where a path leads nowhere, unless it is asked for first', () => {
    const readPath = (): { problem: string } => ({ problem: 'Owner of e1 is empty' })
    expect(errorOf(() => run('ref("Owner").A', { readPath }))).toMatchObject({
      code: 'expression_failed',
      message: expect.stringContaining('Owner->A: Owner of e1 is empty'),
    })
    expect(run('has(ref("Owner").A) ? 1 : 2', { readPath })).toBe(2n)
  })

  it('ends with what reading a path throws, whatever the expression makes of it', () => {
    const failure = new Error('not at hand')
    const readPath = (): never => {
      throw failure
    }
    expect(errorOf(() => run('entity.A == 1 || true', { readPath }))).toBe(failure)
  })

  it('knows nothing that an object inherits', () => {
    expect(() => compileExpression('constructor', options)).toThrow()
    expect(errorOf(() => run('value.constructor'))).toMatchObject({ code: 'expression_failed' })
  })
})

describe('the cost', () => {
  const ids = Array.from({ length: 10_000 }, (_, index) => `id-${index}`)
  const text = 'a'.repeat(262_144)

  it.each([
    ['loops in loops', 'value.all(x, value.all(y, true))', ids],
    ['loops that build lists', 'value.map(x, value.map(y, y))', ids],
    ['errors that are overruled', 'value.all(x, value.all(y, 1 / 0 == 1) || true)', ids],
    ['comparisons of lists that share parts', `[value, value]${'.map(a, [a, a])'.repeat(20)} == [1]`, ids],
    ['looking for text', 'value.contains("b" + value.substring(0, 100000))', text],
    ['text that grows', `size((value${'+ value'.repeat(30)}).replace("a", value)) > 0`, text],
    ['patterns', 'value.matches("((a{30}){30}b)*c")', text],
    ['lists of characters', `[${'1, '.repeat(30)}1].map(x, value.split("")).size()`, text],
  ])('ends %s early', (_name, expression, value) => {
    const compiled = compileExpression(expression, options)
    const begin = performance.now()
    expect(errorOf(() => compiled.evaluate({ variables: { value } }))).toMatchObject({ code: 'expression_too_costly' })
    expect(performance.now() - begin).toBeLessThan(2_000)
  })

  it('lets through what goes once over the largest list and the largest text', () => {
    expect(run('size(value.filter(x, x != "id-5"))', { variables: { value: ids } })).toBe(9_999n)
    expect(run('size(value.replace("a", "b"))', { variables: { value: text } })).toBe(262_144n)
  })

  it('is shared by evaluations that share a meter', () => {
    const expression = compileExpression('value.all(x, true)', options)
    const meter = new CostMeter(expressionLimits.cost)
    const evaluate = (): unknown => expression.evaluate({ variables: { value: ids } }, meter)
    expect(evaluate()).toBe(true)
    expect(errorOf(() => [evaluate(), evaluate(), evaluate()])).toMatchObject({ code: 'expression_too_costly' })
  })
})
