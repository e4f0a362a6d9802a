/** A file that is served as it is. */
export interface Asset {
  readonly contentType: string
  readonly bytes: Uint8Array
}
