import { isFieldType, QError, type AlterStep, type FieldDefinitionInput } from '@qcore/client'
import { parseDefinition } from './schema-json.ts'

/** What the command line takes for a step. */
export const stepForms = [
  'add FIELD TYPE [OPTION,OPTION…]',
  'remove FIELD',
  'rename FIELD NAME',
  'retype FIELD TYPE [OPTION,OPTION…]',
  'order FIELD,FIELD…',
  'children unique|free|by-name|explicit',
] as const

/**
 * Reads a step of a change of a type: `retype Level Float`. The definition of a field may be JSON instead of its type.
 *
 * @throws QError `invalid_request`, `invalid_schema`
 */
export function parseStep(text: string): AlterStep {
  const [verb = '', field = '', ...rest] = text.trim().split(/\s+/)
  switch (verb) {
    case 'add':
      return { add: named(field, text), field: definition(rest, text) }
    case 'retype':
      return { retype: named(field, text), field: definition(rest, text) }
    case 'remove':
      if (rest.length > 0) throw wrong(text)
      return { remove: named(field, text) }
    case 'rename':
      if (rest.length !== 1) throw wrong(text)
      return { rename: named(field, text), to: named(rest[0] ?? '', text) }
    case 'order':
      if (rest.length > 0) throw wrong(text)
      return { reorder: named(field, text).split(',') }
    case 'children':
      if (rest.length > 0) throw wrong(text)
      return childRule(field, text)
    default:
      throw wrong(text)
  }
}

function definition(words: readonly string[], text: string): FieldDefinitionInput {
  const [type = '', options] = words
  if (type.startsWith('{')) return parsedJson(words.join(' '), text)
  if (!isFieldType(type) || words.length > 2) throw wrong(text)
  return options === undefined ? { type } : { type, choices: options.split(',') }
}

function parsedJson(json: string, text: string): FieldDefinitionInput {
  try {
    const parsed = parseDefinition(JSON.parse(json), 'field')
    return typeof parsed === 'string' ? { type: parsed } : parsed
  } catch (error) {
    if (error instanceof QError) throw error
    throw wrong(text)
  }
}

function childRule(rule: string, text: string): AlterStep {
  switch (rule) {
    case 'unique':
      return { uniqueChildNames: true }
    case 'free':
      return { uniqueChildNames: false }
    case 'by-name':
      return { childOrder: 'name' }
    case 'explicit':
      return { childOrder: 'explicit' }
    default:
      throw wrong(text)
  }
}

function named(name: string, text: string): string {
  if (name === '') throw wrong(text)
  return name
}

function wrong(text: string): QError {
  return new QError('invalid_request', `${JSON.stringify(text)} is no step; steps are: ${stepForms.join('; ')}`, {
    field: 'steps',
  })
}
