import type { BinaryFile } from '@qcore/client'

/** What qlib calls a file whose kind it does not know. */
const plainMediaType = 'application/octet-stream'
/** Marks a text that is no data URL, so that it is read as it was written. */
const textMediaType = 'application/vnd.qlib.text'

/** Characters of a media type. */
const longestMediaType = 128

const dataUrl = /^data:([^,]*?);base64,([A-Za-z0-9+/]*={0,2})$/

/** The text that qlib's clients keep a file in: a data URL. An empty file is an empty text. */
export function textFromFile({ mediaType, content }: BinaryFile): string {
  if (mediaType === textMediaType) return Buffer.from(content).toString('utf8')
  if (content.length === 0 && mediaType === '') return ''
  return `data:${mediaType === '' ? plainMediaType : mediaType};base64,${Buffer.from(content).toString('base64')}`
}

/** The file of such a text. Every text is read as it was written. */
export function fileFromText(text: string): BinaryFile {
  const [, mediaType, base64 = ''] = dataUrl.exec(text) ?? []
  if (mediaType !== undefined && mediaType.length <= longestMediaType) {
    const file = { mediaType: mediaType === plainMediaType ? '' : mediaType, content: Buffer.from(base64, 'base64') }
    if (textFromFile(file) === text) return file
  }
  if (text === '') return { mediaType: '', content: new Uint8Array(0) }
  return { mediaType: textMediaType, content: Buffer.from(text, 'utf8') }
}
