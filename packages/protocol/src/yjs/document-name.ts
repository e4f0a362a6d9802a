/** Names of documents. Contract WireSocket 5. Pure. */

/** Whether it is the name of a document: 1 to 255 of A-Z a-z 0-9 _ - */
export function isDocumentName(text: string): boolean {
  return NAME.test(text)
}

const NAME = /^[A-Za-z0-9_-]{1,255}$/
