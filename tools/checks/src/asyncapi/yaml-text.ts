/** What a document is made of. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [name: string]: Json | undefined }

/** A document as YAML: block style, texts in double quotes unless they are plain words. */
export function yamlText(json: Json): string {
  return `${lines(json, '').join('\n')}\n`
}

function lines(json: Json, indent: string): string[] {
  if (Array.isArray(json)) return (json as readonly Json[]).flatMap((item) => itemLines(item, indent))
  if (typeof json !== 'object' || json === null) return [`${indent}${scalar(json)}`]
  return Object.entries(json).flatMap(([name, value]) => {
    if (value === undefined) return []
    const key = `${indent}${scalar(name)}:`
    return isLeaf(value) ? [`${key} ${leaf(value)}`] : [key, ...lines(value, `${indent}  `)]
  })
}

function itemLines(item: Json, indent: string): string[] {
  if (isLeaf(item)) return [`${indent}- ${leaf(item)}`]
  const [first = '', ...rest] = lines(item, `${indent}  `)
  return [`${indent}- ${first.trimStart()}`, ...rest]
}

function isLeaf(json: Json): boolean {
  if (typeof json !== 'object' || json === null) return true
  return Array.isArray(json) ? json.length === 0 : Object.values(json).every((value) => value === undefined)
}

function leaf(json: Json): string {
  if (typeof json !== 'object' || json === null) return scalar(json)
  return Array.isArray(json) ? '[]' : '{}'
}

const plain = /^[A-Za-z_$/][A-Za-z0-9_$/.{}-]*$/
/** Words that YAML takes for something else. */
const reserved = /^(?:true|false|null|yes|no|on|off|y|n)$/i

function scalar(value: string | number | boolean | null): string {
  if (typeof value !== 'string') return String(value)
  return plain.test(value) && !reserved.test(value) ? value : JSON.stringify(value)
}
