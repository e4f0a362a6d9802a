/**
 * WebSocket regions: which one a request is for, and where a document is (contract WireSocket 5 and
 * 8). One process stands for every region whose host leads to it. Licence regions, where the
 * records of an app live, are another thing.
 */
import type { DocumentPins } from '../../ports/document-pins.ts'
import type { AppRecord } from '../../ports/records/app.ts'
import type { DocumentRegion } from '../../ports/records/document-region.ts'
import { documentKey } from './document-key.ts'

/** Where a request came in. */
export interface RequestPlace {
  /** Header as sent, checked to be one host. */
  readonly host: string
  readonly isTls: boolean
}

/** The answer of `/discovery`. */
export interface DocumentPlace {
  readonly region: string
  /** With the document at its end; undefined: nobody knows the URL of that region. */
  readonly url: string | undefined
  /** Nobody has it open: it will be where the first one opens it. */
  readonly isNew: boolean
}

export class DocumentRegions {
  readonly #own: string
  readonly #pins: Pick<DocumentPins, 'find'>
  readonly #urls = new Map<string, string>()
  readonly #codesByHost = new Map<string, string>()

  /**
   * @param own code of the region of every host that no row names.
   * @param rows hosts and codes are unique.
   */
  constructor(
    own: string,
    rows: readonly DocumentRegion[],
    ports: { readonly pins: Pick<DocumentPins, 'find'> },
  ) {
    this.#own = own
    this.#pins = ports.pins
    for (const { code, url } of rows) {
      this.#urls.set(code, url)
      this.#codesByHost.set(new URL(url).host, code)
    }
  }

  /** @returns the code of the region that a request to `host` is for. */
  regionOf(host: string): string {
    const name = host.toLowerCase()
    // A row leaves its default port out, and a client may write it.
    const bare = name.replace(/:(?:80|443)$/, '')
    return this.#codesByHost.get(name) ?? this.#codesByHost.get(bare) ?? this.#own
  }

  /** @returns the URL of a region without a document; undefined where no row has it. */
  urlOf(region: string): string | undefined {
    return this.#urls.get(region)
  }

  /**
   * Where a document is, or would be. Any node can tell.
   * @param name of a document, checked. @throws Outage
   */
  async locate(
    app: Pick<AppRecord, 'id' | 'tenantId'>,
    name: string,
    at: RequestPlace,
  ): Promise<DocumentPlace> {
    const here = this.regionOf(at.host)
    const pinned = await this.#pins.find(documentKey(app, name))
    const region = pinned ?? here
    const fallback = region === here ? `${at.isTls ? 'wss' : 'ws'}://${at.host}` : undefined
    const url = this.urlOf(region) ?? fallback
    return { region, url: url && `${url}/${name}`, isNew: pinned === undefined }
  }
}
