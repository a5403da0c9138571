/** The attributes of CloudEvents that stand for other fields of an event, or that the platform makes. */
export const ownAttributes: ReadonlySet<string> = new Set([
  'specversion',
  'id',
  'source',
  'type',
  'time',
  'data',
  'datacontenttype',
  'namespace',
  'producer',
  'correlationid',
  'partitionkey',
  'expirytime',
  'accepttime',
  'delivertime',
  'writer',
])

/** Further attributes as they are stored: a JSON object; empty for none. */
export function textFromAttributes(attributes: Readonly<Record<string, string>>): string {
  const names = Object.keys(attributes).sort()
  return names.length === 0 ? '' : JSON.stringify(Object.fromEntries(names.map((name) => [name, attributes[name]])))
}

/** The attributes that such a text stands for. */
export function attributesFromText(text: string): Record<string, string> {
  return text === '' ? {} : (JSON.parse(text) as Record<string, string>)
}
