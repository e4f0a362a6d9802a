/** A file that is served as it is. */
export interface Asset {
  readonly contentType: string
  readonly bytes: Uint8Array
}

/** Files that are made when they are asked for. */
export interface AssetSource {
  /** @returns undefined where there is none. @throws what making it met with. */
  find(path: string): Promise<Asset> | undefined
}
