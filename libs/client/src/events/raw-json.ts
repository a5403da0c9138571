/** JSON as text, which is sent as it is: large numbers, the order of keys and white space are kept. */
export class RawJson {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}
